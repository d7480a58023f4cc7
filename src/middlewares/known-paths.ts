import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

import { ChatError } from '../chat';
import { findFileRoutes } from '../http/requests/file-routes';
import { hasMultipartBody } from '../http/requests/multipart-body';
import { matchRoutes, type RouterLayer } from '../http/router';

/** The context of Strapi, which has a function for each error status. */
type StrapiContext = Context & { notFound(): void; methodNotAllowed(sentence: string): void };

/**
 * Judges a request by its route, before anything reads its body. An unknown path is a 404 for every method, and a known
 * path with another method a 405. Strapi serves static files at every path, so it takes each path for a known one, and
 * answers in plain text. A multipart body is a 415, unless its route names `global::multipart`. It comes after all
 * middlewares that change `ctx.path`.
 */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) => {
  let fileRoutes: ReadonlySet<string> | undefined;

  return function knownPaths(ctx: StrapiContext, next: Next): Promise<void> | void {
    if (ctx.method === 'OPTIONS') return next();
    const routes = findRoutes(strapi, ctx.path);
    const route = routes.find(({ methods }) => methods.includes(ctx.method));
    if (route !== undefined) {
      fileRoutes ??= findFileRoutes(strapi);
      assertFilesAllowed(ctx, fileRoutes.has(`${ctx.method} ${route.path}`));
      return next();
    }
    if (routes.some(({ path }) => !isForAnyPath(path))) {
      const allowed = [...new Set(routes.flatMap(({ methods }) => methods))].join(', ');
      ctx.set('Allow', allowed);
      return ctx.methodNotAllowed(`This address takes ${allowed}.`);
    }
    // A static file may have this path. If not, Strapi answers with the same 404.
    return ctx.method === 'GET' || ctx.method === 'HEAD' ? next() : ctx.notFound();
  };
};

function findRoutes(strapi: Core.Strapi, requested: string): readonly RouterLayer[] {
  const matched = matchRoutes(strapi, requested).filter(({ path }) => path !== staticFiles);
  // The word of a literal path, e.g. `my-list`, is not the id of another route.
  const literal = matched.filter(({ path }) => !/[:*(]/u.test(path));
  return literal.length > 0 ? literal : matched;
}

/** @throws ChatError `unsupported-media-type` for a multipart body that the route does not take. */
function assertFilesAllowed(ctx: Context, isFileRoute: boolean): void {
  if (!hasMultipartBody(ctx)) return;
  if (!isFileRoute) throw new ChatError('unsupported-media-type');
  if (/^\s*multipart\/form-data\s*(;|$)/iu.test(ctx.get('Content-Type'))) return;
  throw new ChatError('unsupported-media-type', { sentence: 'Send files as multipart/form-data.' });
}

/** The path of `strapi::public` in the router. */
const staticFiles = '/((?!uploads/).+)';

/** Returns whether a route takes all paths below one, e.g. the pages of the admin panel. */
const isForAnyPath = (path: string): boolean => /[*+]\)?$/u.test(path);
