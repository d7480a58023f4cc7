import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import {
  ChatError,
  parseNewContent,
  parseNewMessage,
  parsePage,
  toMessageReference,
  toSessionMessageReply,
} from '../../../chat';
import { chatOf } from '../../../compose';
import { closeSignal } from '../../../middlewares/koasseStream';
import { ownerOf } from '../../../owner-of';
import { messagePageSize, param, success } from '../envelope';

/** The lines of a session, in the session API. */
export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /** POST /api/chat/message */
  async add(ctx: Context) {
    const { sessions, settings, turns } = chatOf(strapi);
    const owner = ownerOf(ctx);
    const { isQuestion, sessionId, ...message } = parseNewMessage(ctx.request.body, settings.request);
    if (!isQuestion)
      return success(toSessionMessageReply(await sessions.addMessage(owner, sessionId, message)));

    const { characterId } = await sessions.find(owner, sessionId);
    if (characterId === null) {
      throw new ChatError('invalid-request', {
        sentence: 'This session has no character that could reply.',
      });
    }
    const sent = await turns.send(
      {
        owner,
        characterId: String(characterId),
        query: message.content,
        session: { sessionId },
        inputs: {},
      },
      undefined,
    );
    await sent.awaitEnd(closeSignal(ctx));
    const [question, answer] = (await turns.find(owner, sent.turnId)).saved;
    return success({ ...toSessionMessageReply(question), reply: toSessionMessageReply(answer) });
  },

  /** GET /api/chat/sessions/:session_id/messages, GET /aichat/sessions/:session_id/messages */
  async list(ctx: Context) {
    const { page, pageSize, range } = parsePage(ctx.query, messagePageSize);
    const { items, total } = await chatOf(strapi).sessions.listMessages(
      ownerOf(ctx),
      param(ctx, 'session_id'),
      { ...range, newestFirst: ctx.query['order'] === 'desc' },
    );
    return success({ items: items.map(toSessionMessageReply), total, page, page_size: pageSize });
  },

  /** GET /api/chat/sessions/:session_id/messages/:message_id */
  async find(ctx: Context) {
    const reference = toMessageReference(param(ctx, 'message_id'));
    const message = await chatOf(strapi).sessions.findMessage(ownerOf(ctx), reference);
    if (message.sessionId !== param(ctx, 'session_id')) throw new ChatError('message-not-found');
    return success(toSessionMessageReply(message));
  },

  /** PATCH /api/chat/messages/:message_id */
  async edit(ctx: Context) {
    const { sessions, settings } = chatOf(strapi);
    const content = parseNewContent(ctx.request.body, settings.request);
    await sessions.editQuestion(ownerOf(ctx), toMessageReference(param(ctx, 'message_id')), content);
    return success('消息编辑成功');
  },

  /** DELETE /api/chat/messages/:message_id */
  async delete(ctx: Context) {
    const reference = toMessageReference(param(ctx, 'message_id'));
    await chatOf(strapi).sessions.deleteMessage(ownerOf(ctx), reference);
    return success('消息删除成功');
  },

  /** POST /api/chat/messages/:message_id/restore */
  async restore(ctx: Context) {
    const reference = toMessageReference(param(ctx, 'message_id'));
    await chatOf(strapi).sessions.restoreMessage(ownerOf(ctx), reference);
    return success('消息恢复成功');
  },
});
