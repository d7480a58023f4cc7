import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

import { chatOf } from '../app';
import { isAppUser, ownerOf } from '../http/owner';
import { closeSignal } from './koasseStream';

/**
 * `global::reads`: a user's lists, searches and exports take places, of which each user has few (`CHAT_MAX_READS_AT_ONCE`).
 * One is held until the reply is sent, for to make it takes as long as to read it.
 */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) =>
  async function reads(ctx: Context, next: Next): Promise<void> {
    // Whoever else may read is the operator's.
    if (isAppUser(ctx) && ctx.state['user'] !== undefined) {
      const leave = await chatOf(strapi).reads.enter(ownerOf(ctx), closeSignal(ctx));
      if (ctx.res.closed) leave();
      else ctx.res.once('close', leave);
    }
    await next();
  };
