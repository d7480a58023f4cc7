import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

/** One line per request, like Strapi's own but without the query string: it can hold a token or what a user wrote. */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) =>
  async function requestLog(ctx: Context, next: Next): Promise<void> {
    const start = performance.now();
    await next();
    strapi.log.http(`${ctx.method} ${ctx.path} (${Math.ceil(performance.now() - start)} ms) ${ctx.status}`);
  };
