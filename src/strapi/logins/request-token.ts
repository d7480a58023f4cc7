import type { Context } from 'koa';

import type { TokenScope } from '../../chat';

/** Reads the token as the plugin does. Returns null if none exists. */
export function bearerTokenOf(ctx: Context): string | null {
  const [scheme, token, ...rest] = ctx.get('Authorization').split(/\s+/u);
  return scheme?.toLowerCase() === 'bearer' && token !== undefined && rest.length === 0 ? token : null;
}

/** What a personal token adds to a login. */
export interface TokenLogin {
  readonly scopes: readonly TokenScope[];
  /** Milliseconds since 1970. Infinity if the token does not expire. */
  readonly expiresAtMs: number;
}

/** Returns undefined if the request has no personal token. */
export function tokenLoginOf(ctx: Context): TokenLogin | undefined {
  return ctx.state['tokenLogin'] as TokenLogin | undefined;
}

export function setTokenLogin(ctx: Context, login: TokenLogin): void {
  ctx.state['tokenLogin'] = login;
}
