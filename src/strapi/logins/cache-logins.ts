import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { loginsOf } from './logins';
import { createCache } from '../../database/cache/cache';
import { whenChanged } from '../../database/cache/when-changed';
import type { AuthenticateResult, AuthStrategy } from './auth-strategy';
import { bearerTokenOf, setTokenLogin, tokenLoginOf, type TokenLogin } from './request-token';

/** The recent result of a good token: a user, and the permissions of their role. */
interface Login {
  readonly user: object;
  readonly sessionId: string;
  /** Only for a personal token. */
  readonly tokenLogin: TokenLogin | undefined;
  readonly result: AuthenticateResult;
  readonly expiresAtMs: number;
}

/** The content types of the data that decides about a login. */
const models = ['user', 'role', 'permission'].map((name) => `plugin::users-permissions.${name}`);
/** More users than send requests within the few seconds for which a login is cached. */
const maxLogins = 10_000;

/**
 * Caches the result of a token for `forMs`, but never beyond its expiry. So many requests share one check of the
 * signature, and one read of the user, the role and its permissions. Concurrent requests share it, too. The key is the
 * whole text of the token, so the cache finds only verified tokens. A change of this data in this process counts
 * immediately. A change by another process counts after `forMs` at the latest. 0 disables the cache.
 *
 * The server refuses an ended login at its next request, no matter which process ended it.
 */
export function cacheLogins(strategy: AuthStrategy, strapi: Core.Strapi, forMs: number): AuthStrategy {
  const logins = createCache<string, Login>(forMs, maxLogins);
  whenChanged(strapi.db, [...models, 'strapi::core-store'], () => logins.clear());
  const { isStillGood, onEnded } = loginsOf(strapi);
  onEnded(() => logins.clear());

  return {
    ...strategy,
    async authenticate(ctx) {
      const token = forMs > 0 ? bearerTokenOf(ctx) : null;
      if (token === null) return strategy.authenticate(ctx);
      if ((logins.get(token)?.expiresAtMs ?? Infinity) <= Date.now()) logins.forget(token);
      let isOwn = false;
      let own: AuthenticateResult | undefined;
      const login = await logins.read(token, async () => {
        isOwn = true;
        own = await strategy.authenticate(ctx);
        return toLogin(ctx, token, own, strapi);
      });
      if (isOwn) return own;
      // The plugin must report to each request why the server refuses it.
      if (login === null) return strategy.authenticate(ctx);
      if (!(await isStillGood(login.sessionId))) {
        logins.forget(token);
        return strategy.authenticate(ctx);
      }
      // Use a copy, so that a request cannot change the user of the next request.
      ctx.state['user'] = { ...login.user };
      ctx.state['session'] = { id: login.sessionId };
      if (login.tokenLogin !== undefined) setTokenLogin(ctx, login.tokenLogin);
      return login.result;
    },
  };
}

/** Returns null if nobody is logged in, or if the token is neither of the session manager nor a personal one. */
function toLogin(
  ctx: Context,
  token: string,
  result: AuthenticateResult | undefined,
  strapi: Core.Strapi,
): Login | null {
  const user: unknown = ctx.state['user'];
  if (result?.authenticated !== true || typeof user !== 'object' || user === null) return null;
  const session = sessionOf(ctx, token, strapi);
  return session === null ? null : { user: { ...user }, result, ...session };
}

function sessionOf(
  ctx: Context,
  token: string,
  strapi: Core.Strapi,
): Pick<Login, 'sessionId' | 'tokenLogin' | 'expiresAtMs'> | null {
  const tokenLogin = tokenLoginOf(ctx);
  if (tokenLogin !== undefined) {
    const { id } = ctx.state['session'] as { readonly id: string };
    return { sessionId: id, tokenLogin, expiresAtMs: tokenLogin.expiresAtMs };
  }
  const { isValid, payload } = strapi.sessionManager('users-permissions').validateAccessToken(token);
  if (!isValid || payload === null) return null;
  return { sessionId: payload.sessionId, tokenLogin, expiresAtMs: payload.exp * 1000 };
}
