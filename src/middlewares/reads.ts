import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

import { chatOf } from '../app';
import { onClosed } from '../http/on-closed';
import { isAppUser, ownerOf } from '../http/owner';
import { closeSignal } from './koasseStream';

/**
 * `global::reads`: limits how many lists, searches and exports a user runs together (`CHAT_MAX_READS_AT_ONCE`).
 * A request holds its place until the reply is sent, because building the reply takes as long as reading.
 */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) =>
  async function reads(ctx: Context, next: Next): Promise<void> {
    // All other readers belong to the operator and have no limit.
    if (isAppUser(ctx) && ctx.state['user'] !== undefined) {
      const leave = await chatOf(strapi).reads.enter(ownerOf(ctx), closeSignal(ctx));
      onClosed(ctx.res, leave);
    }
    await next();
  };
