import type { Core } from '@strapi/strapi';

/** A route as `@koa/router` stores it. */
export interface RouterLayer {
  readonly methods: readonly string[];
  readonly path: string;
}

interface Router {
  match(path: string, method: string): { readonly path: readonly RouterLayer[] };
}

/** Returns all routes with this path, for any method, in the order of the router. */
export function matchRoutes(strapi: Core.Strapi, path: string): readonly RouterLayer[] {
  const layers = (strapi.server.router as unknown as Router).match(path, '').path;
  return layers.filter(({ methods }) => methods.length > 0);
}
