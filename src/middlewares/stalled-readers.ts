import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

import { chatOf } from '../app';
import { dropWhenStalled } from '../http/stalled-readers';

/** Cuts a client off that does not read its reply, whichever reply it is: as long as it does not, memory holds the rest. */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) =>
  async function stalledReaders(ctx: Context, next: Next): Promise<void> {
    await next();
    // A connection that something else has taken over is no reply.
    if (ctx.respond === false) return;
    dropWhenStalled(ctx, chatOf(strapi).settings.stalledReaderMs, strapi.log);
  };
