import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import {
  assertCharacter,
  parseEdit,
  parseIdempotencyKey,
  parseNewMessage,
  parsePage,
  parseSelection,
  parseSessionMessageFields,
  parseStreamFormat,
  pick,
  storedCharsOf,
  toMessageReference,
  toSessionMessageReply,
  type Owner,
  type Sent,
  type StreamFormat,
} from '../../../chat';
import { chatOf } from '../../../app';
import { closeSignal, wantsEventStream, type EventSource } from '../../../middlewares/koasseStream';
import { cursorOfResend } from '../../../http/requests/event-cursor';
import { ownerOf } from '../../../http/owner';
import { param } from '../../../http/param';
import { setRateLimit } from '../../../http/rate-limit';
import { messagePageSize, success } from '../envelope';

/** Actions on the messages of a session in the session API. */
export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /** POST /api/chat/message */
  async add(ctx: Context): Promise<EventSource | ReturnType<typeof success>> {
    const { sessions, settings, turns, writes } = chatOf(strapi);
    const owner = ownerOf(ctx);
    const { isQuestion, sessionId, ...message } = parseNewMessage(ctx.request.body, settings.request);
    const format = parseStreamFormat(ctx.query);
    if (!isQuestion) {
      await writes.count(owner, storedCharsOf(message));
      return success(toSessionMessageReply(await sessions.addMessage(owner, sessionId, message)));
    }

    const characterId = assertCharacter(await sessions.find(owner, sessionId));
    const sent = await turns.send(
      {
        owner,
        characterId,
        query: message.content,
        session: { sessionId },
        inputs: {},
      },
      parseIdempotencyKey(ctx.get('Idempotency-Key')),
      cursorOfResend(ctx),
    );
    return answer(ctx, strapi, { owner, sent, format });
  },

  /** GET /api/chat/sessions/:session_id/messages, GET /aichat/sessions/:session_id/messages */
  async list(ctx: Context) {
    const { page, pageSize, range } = parsePage(ctx.query, messagePageSize);
    const fields = parseSessionMessageFields(ctx.query);
    const { items, total } = await chatOf(strapi).sessions.listMessages(
      ownerOf(ctx),
      param(ctx, 'session_id'),
      { ...range, ...parseSelection(ctx.query), signal: closeSignal(ctx) },
    );
    const replies = items.map((message) => pick(toSessionMessageReply(message), fields));
    return success({ items: replies, total, page, page_size: pageSize });
  },

  /** GET /api/chat/sessions/:session_id/messages/:message_id */
  async find(ctx: Context) {
    const reference = toMessageReference(param(ctx, 'message_id'));
    const fields = parseSessionMessageFields(ctx.query);
    const { sessions } = chatOf(strapi);
    const message = await sessions.findMessageIn(ownerOf(ctx), param(ctx, 'session_id'), reference);
    return success(pick(toSessionMessageReply(message), fields));
  },

  /** PATCH /api/chat/messages/:message_id */
  async edit(ctx: Context): Promise<EventSource | ReturnType<typeof success>> {
    const { sessions, settings, writes } = chatOf(strapi);
    const owner = ownerOf(ctx);
    const reference = toMessageReference(param(ctx, 'message_id'));
    const { content, isRegenerated } = parseEdit(ctx.request.body, settings.request);
    const format = parseStreamFormat(ctx.query);
    if (!isRegenerated) {
      // The server saves the text in the row of the answer, too.
      await writes.count(owner, 2 * content.length);
      await sessions.editQuestion(owner, reference, content);
      return success('消息编辑成功');
    }
    const idempotencyKey = parseIdempotencyKey(ctx.get('Idempotency-Key'));
    const after = cursorOfResend(ctx);
    const sent = await sessions.reviseQuestion(owner, reference, { content, idempotencyKey, after });
    return answer(ctx, strapi, { owner, sent, format });
  },

  /** DELETE /api/chat/messages/:message_id */
  async delete(ctx: Context) {
    const { sessions, writes } = chatOf(strapi);
    const owner = ownerOf(ctx);
    const reference = toMessageReference(param(ctx, 'message_id'));
    await writes.count(owner);
    await sessions.deleteMessage(owner, reference);
    return success('消息删除成功');
  },

  /** POST /api/chat/messages/:message_id/restore */
  async restore(ctx: Context) {
    const { sessions, writes } = chatOf(strapi);
    const owner = ownerOf(ctx);
    const reference = toMessageReference(param(ctx, 'message_id'));
    await writes.count(owner);
    await sessions.restoreMessage(owner, reference);
    return success('消息恢复成功');
  },
});

interface Asked {
  readonly owner: Owner;
  readonly sent: Sent;
  readonly format: StreamFormat;
}

/**
 * Replies with the turn's events. A JSON reply instead contains the question, and its answer as `reply`. It waits for
 * the end of the turn, whatever the outcome.
 */
async function answer(ctx: Context, strapi: Core.Strapi, { owner, sent, format }: Asked) {
  if (sent.isReplay) ctx.set('Idempotent-Replayed', 'true');
  if (sent.rateLimit !== null) setRateLimit(ctx, sent.rateLimit);
  if (wantsEventStream(ctx)) return { follow: (signal: AbortSignal) => sent.follow(signal, format) };
  await sent.awaitEnd(closeSignal(ctx));
  const [question, reply] = (await chatOf(strapi).turns.find(owner, sent.turnId)).saved;
  return success({ ...toSessionMessageReply(question), reply: toSessionMessageReply(reply) });
}
