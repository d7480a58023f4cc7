/** A route in the form that Strapi reads from `routes/`. */
export interface UserRoute {
  readonly method: string;
  readonly path: string;
  readonly handler: string;
  readonly config: { readonly middlewares: readonly RouteMiddleware[]; readonly isForUsers: true };
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
  middlewares: readonly RouteMiddleware[] = [],
): UserRoute {
  return { method, path, handler, config: { middlewares, isForUsers: true } };
}

/** Returns the config of a route for API tokens. Users get 403 with this sentence, which says where their own data is. */
export function notForUsers(sentence: string) {
  return { middlewares: [], forUsers: sentence };
}
