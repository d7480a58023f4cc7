import type { Core } from '@strapi/strapi';

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

/** Returns the routes that name `global::multipart`, each as its method and its path in the router. */
export function findFileRoutes(strapi: Core.Strapi): ReadonlySet<string> {
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

const takesFiles = ({ config }: Route) => config?.middlewares?.some(isMultipart) ?? false;

function isMultipart(middleware: unknown): boolean {
  const named = middleware as { readonly name?: unknown } | string | null;
  return (typeof named === 'string' ? named : named?.name) === 'global::multipart';
}
