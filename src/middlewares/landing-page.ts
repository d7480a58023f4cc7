import type { Context, Next } from 'koa';

/** `/` is the landing page with the demo client. Strapi would lead everybody to the admin panel, which stays at `/admin`. */
export default () =>
  function landingPage(ctx: Context, next: Next): Promise<void> {
    if (ctx.path === '/' && (ctx.method === 'GET' || ctx.method === 'HEAD')) ctx.path = '/index.html';
    return next();
  };
