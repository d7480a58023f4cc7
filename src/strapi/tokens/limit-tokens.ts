import type { Context } from 'koa';

import { assertScope, ChatError, type TokenScope } from '../../chat';
import type { AuthStrategy } from '../logins/auth-strategy';
import { bearerTokenOf, tokenLoginOf } from '../logins/request-token';
import { isPersonalToken } from './token';

/** The route by which a client learns the id of its user. No other route of accounts takes personal tokens. */
const ownAccount = 'plugin::users-permissions.user.me';

interface Route {
  readonly config?: {
    readonly tokenScope?: TokenScope;
    readonly auth?: { readonly scope?: readonly string[] };
  };
}

/**
 * Limits personal tokens to the routes that name a scope (`http/user-route.ts`), and to the scopes of the token.
 * The strategy first refuses a token that is not valid.
 */
export function limitTokens(strategy: AuthStrategy): AuthStrategy {
  return {
    ...strategy,
    async authenticate(ctx) {
      const result = await strategy.authenticate(ctx);
      if (result?.authenticated === true && isPersonalToken(bearerTokenOf(ctx) ?? '')) assertAllowed(ctx);
      return result;
    },
  };
}

/** @throws ChatError `token-not-allowed`, `token-scope` */
export function assertAllowed(ctx: Context): void {
  const needed = neededScope(ctx);
  if (needed === undefined) throw new ChatError('token-not-allowed');
  assertScope(tokenLoginOf(ctx)?.scopes ?? [], needed);
}

/** Returns whether the route of a request takes its personal token. */
export function isAllowed(ctx: Context): boolean {
  const needed = neededScope(ctx);
  return needed !== undefined && tokenLoginOf(ctx)?.scopes.includes(needed) === true;
}

function neededScope(ctx: Context): TokenScope | undefined {
  const { config = {} } = (ctx.state['route'] ?? {}) as Route;
  return config.auth?.scope?.includes(ownAccount) === true ? 'read' : config.tokenScope;
}
