import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import type { Reply } from '../../../chat';
import type { HistoryStatus } from '../../../history';
import { chatOf, historyOf, upstreamCheckOf } from '../../../app';
import { loginEndOf } from '../../../strapi/logins/login-end';
import { loginsOf } from '../../../strapi/logins/logins';
import { closeSignal } from '../../../middlewares/koasseStream';
import { createMetrics, hasToken } from '../../../http/metrics';
import { ownerOf } from '../../../http/owner';
import { streamText } from '../../../http/text-stream';
import { messageEventsOf } from '../../../strapi/events/message-events';
import { resourceProblemOf } from '../../../strapi/resources/resources';
import type { readyReply } from '../ready-reply';

export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /** GET /api/chat/ready: whether this process accepts new questions. Load balancers call it, so it needs no token. */
  ready(ctx: Context): Reply<typeof readyReply> {
    const { turns, live } = chatOf(strapi);
    const { writer } = historyOf(strapi);
    const problem = resourceProblemOf(strapi);
    const status = readinessOf(turns.isDraining(), problem);
    ctx.status = status === 'ready' ? 200 : 503;
    return {
      data: {
        status,
        problem,
        live_turns: live.all().length,
        upstream: { problem: upstreamCheckOf(strapi).problem()?.code ?? null },
        ...(writer !== null && { history: toHistoryReply(writer.status()) }),
      },
    };
  },

  /**
   * GET /api/chat/metrics: needs the metrics token of the settings. Without it, the reply is the 404 of an unknown
   * path.
   */
  async metrics(ctx: Context) {
    const chat = chatOf(strapi);
    const { metricsToken } = chat.settings;
    // Without a body, the reply is the 404 of an unknown path.
    if (metricsToken === null || !hasToken(ctx.get('Authorization'), metricsToken)) return;
    const registry = createMetrics(chat, historyOf(strapi), messageEventsOf(strapi));
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

  /** DELETE /api/chat/me: erases what the account has said, and its personal tokens. The account itself stays. */
  async eraseOwn(ctx: Context) {
    const { ownData, writes } = chatOf(strapi);
    const { tokens, ended } = loginsOf(strapi);
    const owner = ownerOf(ctx);
    await writes.count(owner);
    await tokens.endAll([owner.id]);
    await ended([owner.id]);
    return { data: await ownData.erase(owner) };
  },
});

function readinessOf(isDraining: boolean, problem: string | null): 'draining' | 'not-ready' | 'ready' {
  if (isDraining) return 'draining';
  return problem === null ? 'ready' : 'not-ready';
}

function toHistoryReply({ state, waiting, oldestSeconds, problem }: HistoryStatus) {
  return { state, waiting, oldest_seconds: oldestSeconds, problem };
}
