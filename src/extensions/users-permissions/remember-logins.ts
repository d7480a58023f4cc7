import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { createShortMemory } from '../../stores/short-memory';
import { whenChanged } from '../../stores/when-changed';
import type { AuthenticateResult, AuthStrategy } from './auth-strategy';

/** A user that was read a moment ago, and what their role may. */
interface Login {
  readonly user: object;
  readonly result: AuthenticateResult;
}

/** What decides about a login, by the content types it is kept in. */
const models = ['user', 'role', 'permission'].map((name) => `plugin::users-permissions.${name}`);
/** More than ask within the few seconds that a login is remembered. */
const maxLogins = 10_000;

/**
 * Remembers for `forMs` what the plugin reads with four statements for every request: the user, their role and its
 * permissions. The token is verified each time. A change of any of them in this process counts at once, one that another
 * process has made after `forMs` at the latest. 0 remembers nothing.
 */
export function rememberLogins(strategy: AuthStrategy, strapi: Core.Strapi, forMs: number): AuthStrategy {
  const logins = createShortMemory<string, Login>(forMs, maxLogins);
  whenChanged(strapi.db, [...models, 'strapi::core-store'], () => logins.forgetAll());

  return {
    ...strategy,
    async authenticate(ctx) {
      const token = forMs > 0 ? readToken(ctx, strapi) : null;
      if (token === null) return strategy.authenticate(ctx);
      const known = logins.get(token.userId);
      if (known !== undefined) {
        // A copy: what one request does to its user is not the next one's.
        ctx.state['user'] = { ...known.user };
        ctx.state['session'] = { id: token.sessionId };
        return known.result;
      }
      const remember = logins.beginReading();
      const result = await strategy.authenticate(ctx);
      const user: unknown = ctx.state['user'];
      if (result?.authenticated === true && typeof user === 'object' && user !== null) {
        remember(token.userId, { user: { ...user }, result });
      } else {
        logins.forget(token.userId);
      }
      return result;
    },
  };
}

/** Null for a token that is none of the plugin's, or not good: the plugin says what that means. */
function readToken(
  ctx: Context,
  strapi: Core.Strapi,
): { readonly userId: string; readonly sessionId: unknown } | null {
  const [scheme, token, ...rest] = ctx.get('Authorization').split(/\s+/u);
  if (scheme?.toLowerCase() !== 'bearer' || token === undefined || rest.length > 0) return null;
  const { isValid, payload } = strapi.sessionManager('users-permissions').validateAccessToken(token);
  if (!isValid || payload === null) return null;
  return { userId: String(payload.userId), sessionId: payload.sessionId };
}
