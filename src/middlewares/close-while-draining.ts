import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

import { chatOf } from '../app';

/** Closes the connection of each reply while the process drains. The client's next request then reaches another one. */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) =>
  async function closeWhileDraining(ctx: Context, next: Next): Promise<void> {
    await next();
    if (!ctx.res.headersSent && chatOf(strapi).turns.isDraining()) ctx.set('Connection', 'close');
  };
