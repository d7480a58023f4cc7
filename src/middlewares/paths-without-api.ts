import type { Context, Next } from 'koa';

/** Documented at the root, while Strapi serves every API below `/api`. */
const rootPaths = /^\/((aichat|ws)\/|conversations(\/|$)|users\/[^/]+\/conversations\/?$)/u;

/** Whether a path below `/api` is served without it as well. */
export const isServedWithoutApi = (path: string): boolean => rootPaths.test(path.replace(/^\/api/u, ''));

export default () =>
  function pathsWithoutApi(ctx: Context, next: Next): Promise<void> {
    if (rootPaths.test(ctx.path)) ctx.path = `/api${ctx.path}`;
    return next();
  };
