import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { assertOwn, parsePage, parseSelection, toSessionMessageReply, toSessionReply } from '../../../chat';
import { chatOf } from '../../../app';
import { closeSignal } from '../../../middlewares/koasseStream';
import { ownerOf } from '../../../http/owner';
import { param } from '../../../http/param';
import { messagePageSize, sessionPageSize, success } from '../envelope';

/** Each action returns the data of one screen of a client in one reply. */
export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /** GET /aichat/getsessionlist/:user_id */
  async list(ctx: Context) {
    const owner = ownerOf(ctx);
    assertOwn(owner, param(ctx, 'user_id'));
    const { page, pageSize, range } = parsePage(ctx.query, sessionPageSize);
    const { items, total } = await chatOf(strapi).sessions.list(owner, range, closeSignal(ctx));
    const sessions = items.map((session) => toSessionReply(session, owner));
    return success({ items: sessions, total, page, page_size: pageSize });
  },

  /**
   * GET /aichat/getsessionlistshow/:user_id: everything for a first screen. Only page 1 contains messages, those of
   * the latest session.
   */
  async firstScreen(ctx: Context) {
    const owner = ownerOf(ctx);
    assertOwn(owner, param(ctx, 'user_id'));
    const { page, pageSize, range } = parsePage(ctx.query, sessionPageSize);
    const signal = closeSignal(ctx);
    const newest = { ...parseSelection(ctx.query), count: messagePageSize, signal };
    const { sessions } = chatOf(strapi);
    const { items, total } = await sessions.list(owner, range, signal);
    const latest = page === 1 ? items[0] : undefined;
    const messages = latest === undefined ? [] : await sessions.latestMessages(owner, latest, newest);
    const replies = items.map((session) => ({
      ...toSessionReply(session, owner),
      ...(session === latest && { messages: messages.map(toSessionMessageReply) }),
    }));
    return success({ items: replies, total, page, page_size: pageSize });
  },

  /** GET /aichat/sessions/:session_id */
  async session(ctx: Context) {
    const owner = ownerOf(ctx);
    const newest = { ...parseSelection(ctx.query), count: messagePageSize, signal: closeSignal(ctx) };
    const { sessions } = chatOf(strapi);
    const session = await sessions.find(owner, param(ctx, 'session_id'));
    const messages = await sessions.latestMessages(owner, session, newest);
    return success({ ...toSessionReply(session, owner), messages: messages.map(toSessionMessageReply) });
  },
});
