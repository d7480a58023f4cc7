import type { Context, Next } from 'koa';

/** Matches paths that are documented at the root, although Strapi serves every API below `/api`. */
const rootPaths =
  /^\/((aichat|ws)\/|conversations(\/|$)|console\/api\/apps\/|users\/[^/]+\/conversations\/?$)/u;

/** Returns whether a path below `/api` is also served without `/api`. */
export const isServedWithoutApi = (path: string): boolean => rootPaths.test(path.replace(/^\/api/u, ''));

export default () =>
  function pathsWithoutApi(ctx: Context, next: Next): Promise<void> {
    if (rootPaths.test(ctx.path)) ctx.path = `/api${ctx.path}`;
    return next();
  };
