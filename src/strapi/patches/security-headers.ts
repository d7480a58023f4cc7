import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

type Middleware = (ctx: Context, next: Next) => unknown;
type Factory = (config: unknown, options: { strapi: Core.Strapi }) => Middleware;
interface Middlewares {
  extend(name: string, wrap: (factory: Factory) => Factory): unknown;
}

/**
 * Strapi puts its security headers together anew for each request, some 3 % of a turn. They differ for pages alone: those
 * of the admin panel, of a documentation, of a playground. Everything else gets what was put together first.
 */
export function cacheSecurityHeaders(strapi: Core.Strapi): void {
  const middlewares = strapi.get('middlewares') as Middlewares;
  middlewares.extend(
    'strapi::security',
    (factory) => (config, options) => cacheHeaders(factory(config, options)),
  );
}

function cacheHeaders(security: Middleware): Middleware {
  let remembered: Record<string, string> | undefined;
  return (ctx, next) => {
    if (ctx.method === 'GET' && !ctx.path.startsWith('/api/')) return security(ctx, next);
    if (remembered !== undefined) {
      ctx.set(remembered);
      return next();
    }
    const before = new Set(ctx.res.getHeaderNames());
    return security(ctx, () => {
      const added = Object.entries(ctx.res.getHeaders()).filter(([name]) => !before.has(name));
      remembered = Object.fromEntries(added.map(([name, value]) => [name, String(value)]));
      return next();
    });
  };
}
