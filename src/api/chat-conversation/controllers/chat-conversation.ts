import { createReadStream } from 'node:fs';

import { factories, type Core } from '@strapi/strapi';
import type { Context } from 'koa';

import {
  ChatError,
  parseFeedback,
  parseIdempotencyKey,
  parseInputs,
  parseQuestion,
  parseReplyFields,
  parseStreamFormat,
  parseUpload,
  selectFields,
  toUploadReply,
  type Chat,
  type Owner,
  type ReplyFields,
  type Sent,
  type StreamFormat,
  type TurnReply,
  type TurnState,
} from '../../../chat';
import { chatOf } from '../../../app';
import { closeSignal, wantsEventStream, type EventSource } from '../../../middlewares/koasseStream';
import { cursorOf, cursorOfResend } from '../../../http/requests/event-cursor';
import { ownerOf } from '../../../http/owner';
import { sendFile } from '../../../http/send-file';
import { setRateLimit } from '../../../http/rate-limit';

export default factories.createCoreController(
  'api::chat-conversation.chat-conversation',
  ({ strapi }: { strapi: Core.Strapi }) => ({
    /** POST /api/chat-conversations/create-message */
    async createMessage(ctx: Context): Promise<EventSource | { data: unknown }> {
      const { turns, settings } = chatOf(strapi);
      const owner = ownerOf(ctx);
      const question = { ...parseQuestion(ctx.request.body, settings.request), owner };
      const key = parseIdempotencyKey(ctx.get('Idempotency-Key'));
      const form = formOf(ctx);
      return answer(ctx, await turns.send(question, key, cursorOfResend(ctx)), form);
    },

    /** POST /api/chat-conversations/files */
    async uploadFile(ctx: Context) {
      const owner = ownerOf(ctx);
      const { body, files } = ctx.request as { readonly body?: unknown; readonly files?: unknown };
      const { characterId, file } = parseUpload(body, files);
      const open = () => createReadStream(file.filepath);
      const upload = await chatOf(strapi).uploads.add(owner, characterId, { ...file, open });
      ctx.status = 201;
      return toUploadReply(upload, owner);
    },

    /** GET /api/chat-conversations/files/:link */
    async openFile(ctx: Context) {
      const { link } = ctx['params'] as { readonly link: string };
      const content = await chatOf(strapi).answerFiles.open(link, closeSignal(ctx));
      if (content === null) throw new ChatError('file-not-found');
      sendFile(ctx, content);
    },

    /** POST /api/chat-conversations/turns/:turn_id/regenerate */
    async regenerateTurn(ctx: Context): Promise<EventSource | { data: unknown }> {
      const { turns, settings } = chatOf(strapi);
      const owner = ownerOf(ctx);
      const inputs = parseInputs(ctx.request.body, settings.request);
      const idempotencyKey = parseIdempotencyKey(ctx.get('Idempotency-Key'));
      const after = cursorOfResend(ctx);
      const form = formOf(ctx);
      const sent = await turns.regenerate(owner, turnIdOf(ctx), { inputs, idempotencyKey, after });
      return answer(ctx, sent, form);
    },

    /** GET /api/chat-conversations/turns/:turn_id */
    async findTurn(ctx: Context) {
      const chat = chatOf(strapi);
      const owner = ownerOf(ctx);
      const fields = parseReplyFields(ctx.query);
      return toTurnReply(chat, owner, await chat.turns.find(owner, turnIdOf(ctx)), fields);
    },

    /** GET /api/chat-conversations/turns/:turn_id/stream */
    async followTurn(ctx: Context): Promise<EventSource | null> {
      const { turns } = chatOf(strapi);
      const format = parseStreamFormat(ctx.query);
      const follow = await turns.follow(ownerOf(ctx), turnIdOf(ctx), cursorOf(ctx));
      // With 204, an EventSource does not connect again.
      if (follow === null) ctx.status = 204;
      return follow === null ? null : { follow: (signal) => follow(signal, format) };
    },

    /** POST /api/chat-conversations/turns/:turn_id/stop */
    async stopTurn(ctx: Context) {
      const chat = chatOf(strapi);
      const owner = ownerOf(ctx);
      const turnId = turnIdOf(ctx);
      const fields = parseReplyFields(ctx.query);
      await chat.writes.count(owner);
      return toTurnReply(chat, owner, await chat.turns.stop(owner, turnId), fields);
    },

    /** PUT /api/chat-conversations/messages/:message_id/feedback */
    async rateMessage(ctx: Context) {
      const { messageActions, writes } = chatOf(strapi);
      const owner = ownerOf(ctx);
      const feedback = parseFeedback(ctx.request.body);
      await writes.count(owner);
      return { data: await messageActions.rate(owner, messageIdOf(ctx), feedback) };
    },

    /** PUT /api/chat-conversations/messages/:message_id/read */
    async readMessage(ctx: Context) {
      const { messageActions, writes } = chatOf(strapi);
      const owner = ownerOf(ctx);
      await writes.count(owner);
      return { data: await messageActions.markRead(owner, messageIdOf(ctx)) };
    },

    /** GET /api/chat-conversations/messages/:message_id/suggested */
    async suggestQuestions(ctx: Context) {
      const { messageActions, writes } = chatOf(strapi);
      const owner = ownerOf(ctx);
      // The server writes nothing, but Dify calls a model. So the request counts as a write.
      await writes.count(owner);
      return { data: await messageActions.suggestQuestions(owner, messageIdOf(ctx)) };
    },

    /** GET /api/chat-conversations/my-list */
    async myList(ctx: Context) {
      return chatOf(strapi).messages.list(ownerOf(ctx), ctx.query, closeSignal(ctx));
    },
  }),
);

/** How the client wants the answer. */
interface AnswerForm {
  /** The fields of messages in JSON. Events of a stream have all fields of their format. */
  readonly fields: ReplyFields;
  readonly format: StreamFormat;
}

/** @throws ChatError `invalid-request` */
function formOf({ query }: Context): AnswerForm {
  return { fields: parseReplyFields(query), format: parseStreamFormat(query) };
}

/**
 * Replies with an event stream or, after the turn has ended, with JSON. Every route that sends a question uses it.
 */
async function answer(
  ctx: Context,
  sent: Sent,
  { fields, format }: AnswerForm,
): Promise<EventSource | { data: unknown }> {
  if (sent.isReplay) ctx.set('Idempotent-Replayed', 'true');
  if (sent.rateLimit !== null) setRateLimit(ctx, sent.rateLimit);
  if (wantsEventStream(ctx)) return { follow: (signal) => sent.follow(signal, format) };

  const end = await sent.awaitEnd(closeSignal(ctx));
  if (end === null) throw new ChatError('turn-not-found');
  if (end.event === 'message_end') return { data: end.data.map((reply) => selectFields(reply, fields)) };
  const { turn_id, session_id, conversation_id, message_id, outcome } = end;
  throw new ChatError(end.code, {
    sentence: end.message,
    details: { turn_id, session_id, conversation_id, message_id, outcome },
  });
}

async function toTurnReply(
  { messages }: Chat,
  owner: Owner,
  { saved, isLive }: TurnState,
  fields: ReplyFields,
): Promise<{ readonly data: TurnReply }> {
  const [, answer] = saved;
  const replies = await messages.toReplies(owner, saved);
  return {
    data: {
      turn_id: answer.turnId,
      session_id: answer.sessionId,
      conversation_id: answer.conversationId,
      message_id: answer.messageId,
      outcome: answer.outcome,
      error_code: answer.errorCode,
      is_live: isLive,
      messages: replies.map((reply) => selectFields(reply, fields)),
    },
  };
}

function turnIdOf(ctx: Context): string {
  const { turn_id: turnId } = ctx['params'] as { turn_id?: unknown };
  if (typeof turnId !== 'string' || !/^[0-9a-f-]{36}$/u.test(turnId)) throw new ChatError('turn-not-found');
  return turnId;
}

/** Returns the message id of the path: 1 to 255 characters without NUL. It can be Dify's id or the server's. */
function messageIdOf(ctx: Context): string {
  const { message_id: messageId } = ctx['params'] as { message_id?: unknown };
  if (typeof messageId === 'string' && /^[^\0]{1,255}$/su.test(messageId)) return messageId;
  throw new ChatError('message-not-found');
}
