import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import {
  assertOwn,
  parsePage,
  parseSelection,
  parseSessionFields,
  parseSessionFilter,
  pick,
  toSessionMessageReply,
  type SessionEntry,
} from '../../../chat';
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
    const fields = parseSessionFields(ctx.query);
    const { sessions } = chatOf(strapi);
    const wanted = { ...range, ...parseSessionFilter(ctx.query) };
    const { items, total } = await sessions.list(owner, wanted, closeSignal(ctx));
    const replies = (await sessions.toReplies(owner, items)).map((reply) => pick(reply, fields));
    return success({ items: replies, total, page, page_size: pageSize });
  },

  /**
   * GET /aichat/getsessionlistshow/:user_id: everything for a first screen. Only page 1 contains messages, those of
   * its session that was changed last.
   */
  async firstScreen(ctx: Context) {
    const owner = ownerOf(ctx);
    assertOwn(owner, param(ctx, 'user_id'));
    const { page, pageSize, range } = parsePage(ctx.query, sessionPageSize);
    const signal = closeSignal(ctx);
    const newest = { ...parseSelection(ctx.query), count: messagePageSize, signal };
    const wanted = { ...range, ...parseSessionFilter(ctx.query) };
    const { sessions } = chatOf(strapi);
    const { items, total } = await sessions.list(owner, wanted, signal);
    const changed = page === 1 ? changedLast(items) : undefined;
    const messages = changed === undefined ? [] : await sessions.latestMessages(owner, changed, newest);
    const replies = (await sessions.toReplies(owner, items)).map((reply) => ({
      ...reply,
      ...(reply.session_id === changed?.sessionId && { messages: messages.map(toSessionMessageReply) }),
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
    const reply = await sessions.toReply(owner, session);
    return success({ ...reply, messages: messages.map(toSessionMessageReply) });
  },
});

/** Of two sessions that were changed at the same time, returns the one with the newer message. */
function changedLast(sessions: readonly SessionEntry[]): SessionEntry | undefined {
  const [first, ...others] = sessions;
  return others.reduce((last, one) => (last && one.updatedAt > last.updatedAt ? one : last), first);
}
