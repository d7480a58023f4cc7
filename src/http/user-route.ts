/** A route as Strapi takes it from `routes/`. */
export interface UserRoute {
  readonly method: string;
  readonly path: string;
  readonly handler: string;
  readonly config: { readonly middlewares: readonly string[]; readonly isForUsers: true };
}

/** Its reply can be an event stream. */
export const streamed = ['global::koasseStream'];
/** It reads many rows. */
export const reading = ['global::reads'];

/**
 * A route that logged-in users may call from the start: `strapi/startup/permissions.ts` grants it once. Later an
 * administrator decides in the role editor.
 */
export function userRoute(
  method: string,
  path: string,
  handler: string,
  middlewares: readonly string[] = [],
): UserRoute {
  return { method, path, handler, config: { middlewares, isForUsers: true } };
}
