import type { Context, Next } from 'koa';

/** Serves the landing page with the demo client at `/`. Strapi would redirect to the admin panel at `/admin`. */
export default () =>
  function landingPage(ctx: Context, next: Next): Promise<void> {
    if (ctx.path === '/' && (ctx.method === 'GET' || ctx.method === 'HEAD')) ctx.path = '/index.html';
    return next();
  };
