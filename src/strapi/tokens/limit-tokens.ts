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
function assertAllowed(ctx: Context): void {
  const needed = neededScope((ctx.state['route'] ?? {}) as Route);
  if (needed === undefined) throw new ChatError('token-not-allowed');
  assertScope(tokenLoginOf(ctx)?.scopes ?? [], needed);
}

function neededScope({ config = {} }: Route): TokenScope | undefined {
  return config.auth?.scope?.includes(ownAccount) === true ? 'read' : config.tokenScope;
}
