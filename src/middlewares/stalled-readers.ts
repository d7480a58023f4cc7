import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

import { chatOf } from '../app';
import { dropWhenStalled } from '../http/stalled-readers';

/** Cuts off a client that does not read its reply, for any kind of reply. Until then, memory holds the rest. */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) =>
  async function stalledReaders(ctx: Context, next: Next): Promise<void> {
    await next();
    // Other code has taken over the connection, so it carries no reply.
    if (ctx.respond === false) return;
    dropWhenStalled(ctx, chatOf(strapi).settings.stalledReaderMs, strapi.log);
  };
