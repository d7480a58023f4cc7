import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { ChatError } from '../../chat';
import { extendAccounts, type AccountsPlugin } from '../../strapi/accounts/extend-accounts';
import { protectRefreshCookie } from '../../strapi/accounts/refresh-cookie';
import type { UserService as MailingUserService } from '../../strapi/accounts/mails';
import type { AuthStrategy } from '../../strapi/logins/auth-strategy';
import { noteCheckedPassword, type UserService } from '../../strapi/logins/checked-password';
import { checkLegacyTokens, nameAccounts } from '../../strapi/logins/legacy-tokens';
import { limitAttempts } from '../../strapi/logins/limit-attempts';
import { cacheLogins } from '../../strapi/logins/cache-logins';
import { cachePermissions, type PermissionService } from '../../strapi/logins/cache-permissions';
import { tieSessions } from '../../strapi/logins/tie-sessions';
import { hasSessions, tieTokens, type JwtService } from '../../strapi/logins/tied-tokens';
import { acceptTokens } from '../../strapi/tokens/accept-tokens';
import { limitTokens } from '../../strapi/tokens/limit-tokens';

interface Auth {
  register(type: string, strategy: AuthStrategy): Auth;
}

interface Plugin extends AccountsPlugin {
  readonly services: Omit<AccountsPlugin['services'], 'user'> & {
    readonly jwt: (options: { strapi: Core.Strapi }) => JwtService;
    readonly permission: (options: { strapi: Core.Strapi }) => PermissionService;
    readonly user: (options: { strapi: Core.Strapi }) => UserService & MailingUserService;
  };
  readonly middlewares: Readonly<Record<string, unknown>>;
}

/**
 * Extends the plugin as a Strapi extension. A login that the server cannot check no longer counts as wrong. A login
 * that the server checked a moment ago comes from a cache.
 */
export default (stock: Plugin): Plugin => extend(extendAccounts(stock));

const extend = (plugin: Plugin): Plugin => ({
  ...plugin,
  controllers: {
    ...plugin.controllers,
    auth: ({ strapi }) =>
      protectRefreshCookie(nameAccounts(plugin.controllers.auth({ strapi }), strapi), strapi),
  },
  middlewares: { ...plugin.middlewares, rateLimit: limitAttempts },
  services: {
    ...plugin.services,
    jwt: ({ strapi }) => {
      const jwt = plugin.services.jwt({ strapi });
      const tied = hasSessions(strapi) ? tieTokens(jwt, strapi) : checkLegacyTokens(jwt, strapi);
      return acceptTokens(tied, strapi);
    },
    user: ({ strapi }) => noteCheckedPassword(plugin.services.user({ strapi }), strapi),
    permission: ({ strapi }) =>
      cachePermissions(plugin.services.permission({ strapi }), strapi, cacheTimes(strapi).permissionsMs),
  },
  register({ strapi }) {
    tieSessions(strapi);
    const auth = strapi.get('auth') as Auth;
    const { register } = auth;
    auth.register = (type, strategy) => {
      const honest = withHonestFailures(strategy, strapi);
      const cached = cacheLogins(honest, strapi, cacheTimes(strapi).loginMs);
      return register.call(auth, type, limitTokens(cached));
    };
    try {
      return plugin.register({ strapi });
    } finally {
      auth.register = register;
    }
  },
});

/**
 * Returns for how long to cache logins and permissions. A cached login contains permissions that may come from the
 * other cache. So the two times add up to the setting. Permissions get a tenth: it is enough for users who log in at
 * the same time to share one read.
 */
function cacheTimes(strapi: Core.Strapi): { readonly loginMs: number; readonly permissionsMs: number } {
  const forMs = strapi.config.get<number>('plugin::users-permissions.cacheLoginsSeconds', 0) * 1000;
  const permissionsMs = forMs / 10;
  return { loginMs: forMs - permissionsMs, permissionsMs };
}

/**
 * Reports a login that the server cannot check as 503. The plugin replies "not authenticated" to a bad token. It
 * replies the same if the check fails, for example because the database is down. Apps log their user out on a 401.
 */
function withHonestFailures(strategy: AuthStrategy, strapi: Core.Strapi): AuthStrategy {
  return {
    ...strategy,
    async authenticate(ctx) {
      const result = await strategy.authenticate(ctx);
      const isRefused = result?.authenticated !== true && (result?.error ?? null) === null;
      if (isRefused && (await canBeGood(ctx, strapi))) throw new ChatError('database-unavailable');
      return result;
    },
  };
}

/**
 * Returns true if the token's user exists and has a role, or if the server cannot read the user. Without a token, it
 * returns true if the server cannot read the permissions of the Public role.
 */
async function canBeGood(ctx: Context, strapi: Core.Strapi): Promise<boolean> {
  const users = strapi.plugin('users-permissions');
  const jwt = users.service('jwt') as JwtService;
  const user = users.service('user') as {
    fetchAuthenticatedUser(id: unknown): Promise<{ role?: unknown } | null>;
  };
  const permission = users.service('permission') as { findPublicPermissions(): Promise<unknown> };
  try {
    const token = await jwt.getToken(ctx);
    if (token === null) await permission.findPublicPermissions();
    if (token?.id === undefined) return false;
    // The plugin also replies "not authenticated" to a user without a role. An admin can create such a user.
    return ((await user.fetchAuthenticatedUser(token.id))?.role ?? null) !== null;
  } catch (error) {
    return !(error instanceof Error && error.message === 'Invalid token.');
  }
}
