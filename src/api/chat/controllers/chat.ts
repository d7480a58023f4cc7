import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { chatOf } from '../../../compose';

export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /** GET /api/chat/ready: whether this process takes new questions. For load balancers, so it needs no token. */
  ready(ctx: Context) {
    const { turns, live } = chatOf(strapi);
    const isDraining = turns.isDraining();
    ctx.status = isDraining ? 503 : 200;
    return { data: { status: isDraining ? 'draining' : 'ready', live_turns: live.all().length } };
  },
});
