import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { loginsOf } from './logins';
import { createCache } from '../../database/cache/cache';
import { whenChanged } from '../../database/cache/when-changed';
import type { AuthenticateResult, AuthStrategy } from './auth-strategy';

/** What a good token led to a moment ago: a user, and what their role may. */
interface Login {
  readonly user: object;
  readonly sessionId: string;
  readonly result: AuthenticateResult;
  readonly expiresAtMs: number;
}

/** What decides about a login, by the content types it is kept in. */
const models = ['user', 'role', 'permission'].map((name) => `plugin::users-permissions.${name}`);
/** More than ask within the few seconds that a login is remembered. */
const maxLogins = 10_000;

/**
 * Remembers for `forMs`, and never beyond its expiry, what a token came to: its signature is checked and the user, their
 * role and its permissions are read once, and not for every request, nor for each of those that come at once. The whole
 * text of the token is the key, so that none but a verified one is ever found. A change of any of them in this process
 * counts at once, one that another process has made after `forMs` at the latest. 0 remembers nothing.
 *
 * A login that has ended is refused at its next request, wherever it was ended.
 */
export function cacheLogins(strategy: AuthStrategy, strapi: Core.Strapi, forMs: number): AuthStrategy {
  const logins = createCache<string, Login>(forMs, maxLogins);
  whenChanged(strapi.db, [...models, 'strapi::core-store'], () => logins.clear());
  const { isStillGood, onEnded } = loginsOf(strapi);
  onEnded(() => logins.clear());

  return {
    ...strategy,
    async authenticate(ctx) {
      const token = forMs > 0 ? readToken(ctx) : null;
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
      // Why it is refused is for the plugin to say, of each request.
      if (login === null) return strategy.authenticate(ctx);
      if (!(await isStillGood(login.sessionId))) {
        logins.forget(token);
        return strategy.authenticate(ctx);
      }
      // A copy: what one request does to its user is not the next one's.
      ctx.state['user'] = { ...login.user };
      ctx.state['session'] = { id: login.sessionId };
      return login.result;
    },
  };
}

/** As the plugin reads it. Null where there is none. */
function readToken(ctx: Context): string | null {
  const [scheme, token, ...rest] = ctx.get('Authorization').split(/\s+/u);
  return scheme?.toLowerCase() === 'bearer' && token !== undefined && rest.length === 0 ? token : null;
}

/** Null for what nobody is logged in by, and for a token that is none of the session manager's. */
function toLogin(
  ctx: Context,
  token: string,
  result: AuthenticateResult | undefined,
  strapi: Core.Strapi,
): Login | null {
  const user: unknown = ctx.state['user'];
  if (result?.authenticated !== true || typeof user !== 'object' || user === null) return null;
  const { isValid, payload } = strapi.sessionManager('users-permissions').validateAccessToken(token);
  if (!isValid || payload === null) return null;
  return { user: { ...user }, sessionId: payload.sessionId, result, expiresAtMs: payload.exp * 1000 };
}
