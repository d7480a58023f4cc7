import { z } from 'zod';

import type { TokenScope } from '../chat';
import { toRequest, type Operation, type RouteDescription, type RouteRequest } from './operation';

/** A route in the form that Strapi reads from `routes/`. */
export interface DescribedRoute {
  readonly method: string;
  readonly path: string;
  readonly handler: string;
  readonly request: RouteRequest;
  readonly response?: z.ZodType;
}

export interface UserRoute extends DescribedRoute {
  readonly config: {
    readonly middlewares: readonly RouteMiddleware[];
    readonly isForUsers: true;
    /** The scope that a personal token needs. Without it, the route refuses every personal token. */
    readonly tokenScope?: TokenScope;
    readonly operation: Operation;
  };
}

export interface PublicRoute extends DescribedRoute {
  readonly config: { readonly auth: false; readonly operation: Operation };
}

/** A middleware of a route by its name, or with its configuration. */
export type RouteMiddleware = string | { readonly name: string; readonly config: object };

/** The middlewares of a route whose reply can be an event stream. */
export const streamed = ['global::koasseStream'];
/** The middlewares of a route that reads many rows. */
export const reading = ['global::reads'];
/** The middlewares of a route that takes a file for a question. */
export const takesFile = [{ name: 'global::multipart', config: { isForQuestions: true } }];

/**
 * Returns a route that logged-in users may call. `strapi/startup/permissions.ts` grants the permission once.
 * Later, an administrator can change it in the role editor.
 */
export function userRoute(
  method: string,
  path: string,
  handler: string,
  description: RouteDescription,
  middlewares: readonly RouteMiddleware[] = [],
): UserRoute {
  const { tokenScope = method === 'GET' ? 'read' : 'ask' } = description;
  return {
    ...describe(method, path, handler, description),
    config: {
      middlewares,
      isForUsers: true,
      ...(tokenScope !== 'none' && { tokenScope }),
      operation: description,
    },
  };
}

/** Returns a route that needs no login. */
export function publicRoute(path: string, handler: string, description: RouteDescription): PublicRoute {
  return { ...describe('GET', path, handler, description), config: { auth: false, operation: description } };
}

function describe(
  method: string,
  path: string,
  handler: string,
  description: RouteDescription,
): DescribedRoute {
  const { json } = description.reply;
  const request = toRequest(path, description);
  return { method, path, handler, request, ...(json instanceof z.ZodType && { response: json }) };
}

/** Returns the config of a route for API tokens. Users get 403 with this sentence, which says where their own data is. */
export function notForUsers(sentence: string) {
  return { middlewares: [], forUsers: sentence };
}
