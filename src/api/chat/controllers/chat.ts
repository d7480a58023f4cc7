import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { chatOf } from '../../../compose';
import { ownerOf } from '../../../owner-of';
import { streamText } from '../../../streamed-text';

export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /** GET /api/chat/ready: whether this process takes new questions. For load balancers, so it needs no token. */
  ready(ctx: Context) {
    const { turns, live } = chatOf(strapi);
    const isDraining = turns.isDraining();
    ctx.status = isDraining ? 503 : 200;
    return { data: { status: isDraining ? 'draining' : 'ready', live_turns: live.all().length } };
  },

  /** GET /api/chat/search */
  async search(ctx: Context) {
    return chatOf(strapi).search.search(ownerOf(ctx), ctx.query);
  },

  /** GET /api/chat/export */
  async exportOwn(ctx: Context) {
    const lines = chatOf(strapi).ownData.export(ownerOf(ctx));
    ctx.set('Content-Disposition', 'attachment; filename="chat.ndjson"');
    await streamText(ctx, strapi, 'application/x-ndjson; charset=utf-8', lines);
  },

  /** DELETE /api/chat/me: what the account has said. The account itself stays. */
  async eraseOwn(ctx: Context) {
    return { data: await chatOf(strapi).ownData.erase(ownerOf(ctx)) };
  },
});
