import type { Core } from '@strapi/strapi';
import type { Context, Middleware, Next } from 'koa';

import body from '../middlewares/body';
import chatErrors from '../middlewares/chat-errors';
import closeWhileDraining from '../middlewares/close-while-draining';
import errorShapes from '../middlewares/error-shapes';
import knownPaths from '../middlewares/known-paths';
import jsonReplies from '../middlewares/json-replies';
import koasseStream from '../middlewares/koasseStream';
import multipart from '../middlewares/multipart';
import reads from '../middlewares/reads';
import spellings from '../middlewares/spellings';
import stalledReaders from '../middlewares/stalled-readers';
import unreadBodies from '../middlewares/unread-bodies';
import type { OwnApi } from './apis';
import { GuestProblem } from './guest-problem';
import type { OwnPaths } from './own-paths';

type Factory = (config: object, options: { strapi: Core.Strapi }) => Middleware;

interface Registry {
  get(name: string): Factory | undefined;
  add(namespace: string, middlewares: Readonly<Record<string, unknown>>): void;
  extend(name: string, change: (factory: Factory) => Factory): unknown;
}

/** The middlewares that the routes name. */
const ofRoutes = { koasseStream, multipart, reads };

/** @throws GuestProblem if the host has a middleware with the same name. */
export function addRouteMiddlewares(strapi: Core.Strapi): void {
  const registry = strapi.get('middlewares') as Registry;
  const taken = Object.keys(ofRoutes).find((name) => registry.get(`global::${name}`) !== undefined);
  if (taken !== undefined) {
    throw new GuestProblem(`This project has the middleware "global::${taken}". Rename its file.`);
  }
  registry.add('global::', ofRoutes);
}

export interface OwnMiddlewares {
  readonly paths: OwnPaths;
  readonly apis: readonly OwnApi[];
  readonly prefix: string | undefined;
  readonly maxBodyBytes: number;
  readonly compresses: boolean;
}

/**
 * Adds the application's middlewares, on the plugin's paths only. They stand around the host's `strapi::errors`, and in
 * place of its `strapi::body`. The host's list of middlewares stays as it is.
 */
export function addPathMiddlewares(strapi: Core.Strapi, own: OwnMiddlewares): void {
  const { paths, apis, prefix, maxBodyBytes, compresses } = own;
  const names = apis.map(({ registeredName }) => registeredName);
  const registry = strapi.get('middlewares') as Registry;
  const options = { strapi };
  const onOwnPaths =
    (ours: Middleware, hosts: Middleware): Middleware =>
    (ctx, next): unknown =>
      (paths.has(ctx.path) ? ours : hosts)(ctx, next);

  registry.extend('strapi::errors', (create) => (config) => {
    const errors = create(config, options);
    const around = [
      closeWhileDraining({}, options),
      unreadBodies(),
      stalledReaders({}, options),
      errorShapes({ start: prefix && `/api/${prefix}` }),
      errors,
      chatErrors({ apis: names }, options),
      jsonReplies({ apis: names, compresses }, options),
    ];
    return onOwnPaths(chain(around), errors);
  });

  registry.extend('strapi::body', (create) => (config) => {
    const before = [
      withApi(paths),
      spellings(),
      knownPaths({}, options) as Middleware,
      body({ maxBytes: maxBodyBytes, create }, options),
    ];
    return onOwnPaths(chain(before), create(config, options));
  });
}

/** Gives a path that is documented at the root the prefix of Strapi's API. */
const withApi =
  (paths: OwnPaths): Middleware =>
  (ctx, next) => {
    if (paths.isWithoutApi(ctx.path)) ctx.path = `/api${ctx.path}`;
    return next();
  };

/** Runs middlewares one inside the other. */
function chain(middlewares: readonly Middleware[]): Middleware {
  return (ctx: Context, next: Next) => {
    const run = middlewares.reduceRight<Next>(
      (inner, middleware) => async () => (await middleware(ctx as never, inner)) as unknown,
      next,
    );
    return run();
  };
}
