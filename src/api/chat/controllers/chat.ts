import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import type { HistoryStatus } from '../../../history';
import { chatOf, historyOf } from '../../../app';
import { loginEndOf } from '../../../strapi/logins/login-end';
import { closeSignal } from '../../../middlewares/koasseStream';
import { createMetrics, hasToken } from '../../../http/metrics';
import { ownerOf } from '../../../http/owner';
import { streamText } from '../../../http/text-stream';

export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /** GET /api/chat/ready: whether this process takes new questions. For load balancers, so it needs no token. */
  ready(ctx: Context) {
    const { turns, live } = chatOf(strapi);
    const { writer } = historyOf(strapi);
    const isDraining = turns.isDraining();
    ctx.status = isDraining ? 503 : 200;
    return {
      data: {
        status: isDraining ? 'draining' : 'ready',
        live_turns: live.all().length,
        ...(writer !== null && { history: toHistoryReply(writer.status()) }),
      },
    };
  },

  /** GET /api/chat/metrics: for whoever has the token of the settings. For anybody else it is not there. */
  async metrics(ctx: Context) {
    const chat = chatOf(strapi);
    const { metricsToken } = chat.settings;
    // As of any path that is not there, the reply is then a 404.
    if (metricsToken === null || !hasToken(ctx.get('Authorization'), metricsToken)) return;
    const registry = createMetrics(chat, historyOf(strapi));
    ctx.type = registry.contentType;
    ctx.body = await registry.metrics();
  },

  /** GET /api/chat/search */
  async search(ctx: Context) {
    return chatOf(strapi).search.search(ownerOf(ctx), ctx.query, closeSignal(ctx));
  },

  /** GET /api/chat/export */
  async exportOwn(ctx: Context) {
    const lines = chatOf(strapi).ownData.export(ownerOf(ctx));
    ctx.set('Content-Disposition', 'attachment; filename="chat.ndjson"');
    const type = 'application/x-ndjson; charset=utf-8';
    const loginEnd = loginEndOf(strapi, ctx);
    await streamText(ctx, { type, log: strapi.log, loginEnd }, lines);
  },

  /** DELETE /api/chat/me: what the account has said. The account itself stays. */
  async eraseOwn(ctx: Context) {
    const { ownData, writes } = chatOf(strapi);
    const owner = ownerOf(ctx);
    await writes.count(owner);
    return { data: await ownData.erase(owner) };
  },
});

function toHistoryReply({ state, waiting, oldestSeconds, problem }: HistoryStatus) {
  return { state, waiting, oldest_seconds: oldestSeconds, problem };
}
