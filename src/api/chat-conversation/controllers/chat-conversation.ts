import { factories, type Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { ChatError, parseQuestion, type Chat, type Owner, type TurnState } from '../../../chat';
import { chatOf } from '../../../compose';
import { wantsEventStream, type EventSource } from '../../../middlewares/koasseStream';
import { ownerOf } from '../../../owner-of';
import { setRateLimit } from '../../../rate-limit-headers';

export default factories.createCoreController(
  'api::chat-conversation.chat-conversation',
  ({ strapi }: { strapi: Core.Strapi }) => ({
    /** POST /api/chat-conversations/create-message */
    async createMessage(ctx: Context): Promise<EventSource | { data: unknown }> {
      const { turns, settings } = chatOf(strapi);
      const owner = ownerOf(ctx);
      const turn = await turns.start({ ...parseQuestion(ctx.request.body, settings.request), owner });
      if (turn.rateLimit !== null) setRateLimit(ctx, turn.rateLimit);
      if (wantsEventStream(ctx)) return { follow: (signal) => turn.follow(0, signal) };

      const end = await turn.ended;
      if (end.event === 'message_end') return { data: end.data };
      const { turn_id, session_id, conversation_id, message_id, outcome } = end;
      throw new ChatError(end.code, {
        details: { turn_id, session_id, conversation_id, message_id, outcome },
      });
    },

    /** GET /api/chat-conversations/turns/:turn_id */
    async findTurn(ctx: Context) {
      const chat = chatOf(strapi);
      const owner = ownerOf(ctx);
      return toTurnReply(chat, owner, await chat.turns.find(owner, turnIdOf(ctx)));
    },

    /** GET /api/chat-conversations/turns/:turn_id/stream */
    async followTurn(ctx: Context): Promise<EventSource> {
      const { turns } = chatOf(strapi);
      return { follow: await turns.follow(ownerOf(ctx), turnIdOf(ctx), parseCursor(ctx)) };
    },

    /** POST /api/chat-conversations/turns/:turn_id/stop */
    async stopTurn(ctx: Context) {
      const chat = chatOf(strapi);
      const owner = ownerOf(ctx);
      return toTurnReply(chat, owner, await chat.turns.stop(owner, turnIdOf(ctx)));
    },

    /** GET /api/chat-conversations/my-list */
    async myList(ctx: Context) {
      return chatOf(strapi).messages.list(ownerOf(ctx), ctx.query);
    },
  }),
);

async function toTurnReply({ messages }: Chat, owner: Owner, { saved, isLive }: TurnState) {
  const [, answer] = saved;
  return {
    data: {
      turn_id: answer.turnId,
      session_id: answer.sessionId,
      conversation_id: answer.conversationId,
      message_id: answer.messageId,
      outcome: answer.outcome,
      error_code: answer.errorCode,
      is_live: isLive,
      messages: await messages.toReplies(owner, saved),
    },
  };
}

function turnIdOf(ctx: Context): string {
  const { turn_id: turnId } = ctx['params'] as { turn_id?: unknown };
  if (typeof turnId !== 'string' || !/^[0-9a-f-]{36}$/u.test(turnId)) throw new ChatError('turn-not-found');
  return turnId;
}

/** The last event the client has: `Last-Event-ID` as the standard sends it, `after` where headers cannot be set. */
function parseCursor(ctx: Context): number {
  const text = ctx.get('Last-Event-ID') || ctx.query['after'] || '0';
  if (typeof text !== 'string' || !/^\d{1,9}$/u.test(text)) {
    throw new ChatError('invalid-request', {
      sentence: 'after (or Last-Event-ID) has to be the id of an event.',
    });
  }
  return Number(text);
}
