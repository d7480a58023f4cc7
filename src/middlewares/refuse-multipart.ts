import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

import { ChatError } from '../chat';
import { hasMultipartBody } from '../http/multipart-body';
import { matchRoutes } from '../http/router';

interface Route {
  readonly method: string;
  readonly path: string;
  readonly config?: { readonly prefix?: string; readonly middlewares?: readonly unknown[] };
}

interface RouterConfig {
  readonly type?: string;
  readonly prefix?: string;
  readonly routes?: readonly Route[];
}

/**
 * Answers a multipart body with 415 without reading it, unless its route names `global::multipart`.
 * It is one of the last middlewares, so that `ctx.path` is final.
 */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) => {
  let declared: ReadonlySet<string> | undefined;

  return function refuseMultipart(ctx: Context, next: Next): Promise<void> {
    if (!hasMultipartBody(ctx)) return next();
    declared ??= declaredRoutes(strapi);
    const layer = matchRoutes(strapi, ctx.path).find(({ methods }) => methods.includes(ctx.method));
    const isDeclared = layer !== undefined && declared.has(`${ctx.method} ${layer.path}`);
    if (!isDeclared) throw new ChatError('unsupported-media-type');
    if (/^\s*multipart\/form-data\s*(;|$)/iu.test(ctx.get('Content-Type'))) return next();
    throw new ChatError('unsupported-media-type', { sentence: 'Send files as multipart/form-data.' });
  };
};

/** Returns the routes that name `global::multipart`, each as its method and its path in the router. */
function declaredRoutes(strapi: Core.Strapi): ReadonlySet<string> {
  const owners = [strapi.admin, ...Object.values(strapi.apis), ...Object.values(strapi.plugins)];
  const routers = owners.flatMap(({ routes }) => Object.values(routes as Record<string, RouterConfig>));
  return new Set(
    routers.flatMap(({ type, prefix = '', routes = [] }) =>
      routes.filter(takesFiles).map(({ method, path, config }) => {
        const start = type === 'content-api' ? strapi.config.get('api.rest.prefix', '/api') : '';
        return `${method} ${start}${config?.prefix ?? prefix}${path}`.replace(/\/$/u, '');
      }),
    ),
  );
}

const takesFiles = ({ config }: Route) => config?.middlewares?.includes('global::multipart') ?? false;
