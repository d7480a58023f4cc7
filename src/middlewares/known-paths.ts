import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

import { matchRoutes } from '../http/router';

/** The context of Strapi, which has a function for each error status. */
type StrapiContext = Context & { notFound(): void; methodNotAllowed(sentence: string): void };

/**
 * Answers an unknown path with 404 for every method, and a known path with another method with 405. Strapi serves
 * static files at every path, so it takes each path for a known one, and answers in plain text. It is one of the last
 * middlewares, so that `ctx.path` is final.
 */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) =>
  function knownPaths(ctx: StrapiContext, next: Next): Promise<void> | void {
    if (ctx.method === 'OPTIONS') return next();
    const matched = matchRoutes(strapi, ctx.path).filter(({ path }) => path !== staticFiles);
    // The word of a literal path, e.g. `my-list`, is not the id of another route.
    const literal = matched.filter(({ path }) => !/[:*(]/u.test(path));
    const routes = literal.length > 0 ? literal : matched;
    if (routes.some(({ methods }) => methods.includes(ctx.method))) return next();
    if (routes.some(({ path }) => !isForAnyPath(path))) {
      const allowed = [...new Set(routes.flatMap(({ methods }) => methods))].join(', ');
      ctx.set('Allow', allowed);
      return ctx.methodNotAllowed(`This address takes ${allowed}.`);
    }
    // A static file may have this path. If not, Strapi answers with the same 404.
    return ctx.method === 'GET' || ctx.method === 'HEAD' ? next() : ctx.notFound();
  };

/** The path of `strapi::public` in the router. */
const staticFiles = '/((?!uploads/).+)';

/** Returns whether a route takes all paths below one, e.g. the pages of the admin panel. */
const isForAnyPath = (path: string): boolean => /[*+]\)?$/u.test(path);
