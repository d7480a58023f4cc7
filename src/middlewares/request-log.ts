import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

/** Logs one line per request, like Strapi, but without the query string. That can contain a token or a user's text. */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) =>
  async function requestLog(ctx: Context, next: Next): Promise<void> {
    const start = performance.now();
    await next();
    strapi.log.http(`${ctx.method} ${ctx.path} (${Math.ceil(performance.now() - start)} ms) ${ctx.status}`);
  };
