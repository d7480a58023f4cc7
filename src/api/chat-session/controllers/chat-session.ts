import { factories, type Core } from '@strapi/strapi';
import type { Context } from 'koa';

import {
  assertOwn,
  parseNewSession,
  parseNewTitle,
  parsePage,
  parseSessionFields,
  parseSessionFilter,
  parseUserId,
  pick,
  storedChars,
} from '../../../chat';
import { chatOf } from '../../../app';
import { closeSignal } from '../../../middlewares/koasseStream';
import { ownerOf } from '../../../http/owner';
import { param } from '../../../http/param';
import { sessionPageSize, success } from '../envelope';

/** Actions on sessions in the session API. `global::error-shapes` puts errors into the API's envelope. */
export default factories.createCoreController(
  'api::chat-session.chat-session',
  ({ strapi }: { strapi: Core.Strapi }) => ({
    /** POST /api/chat/session, POST /aichat/createsession */
    async createSession(ctx: Context) {
      const { sessions, writes } = chatOf(strapi);
      const owner = ownerOf(ctx);
      const { userId, title, characterId } = parseNewSession(ctx.request.body);
      assertOwn(owner, userId);
      await writes.count(owner, storedChars(title));
      const session = await sessions.create(owner, { title, character: characterId });
      return success(await sessions.toReply(owner, session));
    },

    /** POST /api/chat/sessions */
    async listSessions(ctx: Context) {
      const owner = ownerOf(ctx);
      assertOwn(owner, parseUserId(ctx.request.body));
      const body: unknown = ctx.request.body;
      const range = { ...parsePage(body, sessionPageSize).range, ...parseSessionFilter(body) };
      const fields = parseSessionFields(ctx.query);
      const { sessions } = chatOf(strapi);
      const { items } = await sessions.list(owner, range, closeSignal(ctx));
      return success((await sessions.toReplies(owner, items)).map((reply) => pick(reply, fields)));
    },

    /** GET /api/chat/sessions/:session_id */
    async findSession(ctx: Context) {
      const owner = ownerOf(ctx);
      const { sessions } = chatOf(strapi);
      const fields = parseSessionFields(ctx.query);
      const session = await sessions.find(owner, param(ctx, 'session_id'));
      return success(pick(await sessions.toReply(owner, session), fields));
    },

    /** PATCH /api/chat/sessions/:session_id, PATCH /aichat/sessions/:session_id */
    async renameSession(ctx: Context) {
      const { sessions, writes } = chatOf(strapi);
      const owner = ownerOf(ctx);
      const title = parseNewTitle(ctx.request.body);
      await writes.count(owner, title.length);
      await sessions.rename(owner, param(ctx, 'session_id'), title);
      return success('标题更新成功');
    },

    /** DELETE /api/chat/sessions/:session_id, DELETE /aichat/deletesession/:session_id */
    async deleteSession(ctx: Context) {
      const { sessions, writes } = chatOf(strapi);
      const owner = ownerOf(ctx);
      await writes.count(owner);
      await sessions.deleteSession(owner, param(ctx, 'session_id'));
      return success('会话删除成功');
    },

    /** POST /api/chat/sessions/:session_id/restore */
    async restoreSession(ctx: Context) {
      const { sessions, writes } = chatOf(strapi);
      const owner = ownerOf(ctx);
      await writes.count(owner);
      await sessions.restoreSession(owner, param(ctx, 'session_id'));
      return success('会话恢复成功');
    },
  }),
);
