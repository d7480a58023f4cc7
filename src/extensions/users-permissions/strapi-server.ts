import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { ChatError } from '../../chat';
import { extendAccounts, type AccountsPlugin } from '../../strapi/accounts/extend-accounts';
import type { UserService as MailingUserService } from '../../strapi/accounts/mails';
import type { AuthStrategy } from '../../strapi/logins/auth-strategy';
import { noteCheckedPassword, type UserService } from '../../strapi/logins/checked-password';
import { checkLegacyTokens, nameAccounts } from '../../strapi/logins/legacy-tokens';
import { limitAttempts } from '../../strapi/logins/limit-attempts';
import { cacheLogins } from '../../strapi/logins/cache-logins';
import { cachePermissions, type PermissionService } from '../../strapi/logins/cache-permissions';
import { tieSessions } from '../../strapi/logins/tie-sessions';
import { hasSessions, tieTokens, type JwtService } from '../../strapi/logins/tied-tokens';

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
 * Extends the plugin, as Strapi's extensions do: a login that cannot be checked is not taken for a wrong one, and one that
 * was checked a moment ago is not read anew.
 */
export default (stock: Plugin): Plugin => extend(extendAccounts(stock));

const extend = (plugin: Plugin): Plugin => ({
  ...plugin,
  controllers: {
    ...plugin.controllers,
    auth: ({ strapi }) => nameAccounts(plugin.controllers.auth({ strapi }), strapi),
  },
  middlewares: { ...plugin.middlewares, rateLimit: limitAttempts },
  services: {
    ...plugin.services,
    jwt: ({ strapi }) => {
      const jwt = plugin.services.jwt({ strapi });
      return hasSessions(strapi) ? tieTokens(jwt, strapi) : checkLegacyTokens(jwt, strapi);
    },
    user: ({ strapi }) => noteCheckedPassword(plugin.services.user({ strapi }), strapi),
    permission: ({ strapi }) =>
      cachePermissions(plugin.services.permission({ strapi }), strapi, remembered(strapi).permissionsMs),
  },
  register({ strapi }) {
    tieSessions(strapi);
    const auth = strapi.get('auth') as Auth;
    const { register } = auth;
    auth.register = (type, strategy) =>
      register.call(
        auth,
        type,
        cacheLogins(withHonestFailures(strategy, strapi), strapi, remembered(strapi).loginMs),
      );
    try {
      return plugin.register({ strapi });
    } finally {
      auth.register = register;
    }
  },
});

/**
 * A login remembers what its role may, and that may have been remembered when it was read: one after the other they take as
 * long as the setting allows. What a role may is remembered for the users who come at once, to whom a tenth is enough.
 */
function remembered(strapi: Core.Strapi): { readonly loginMs: number; readonly permissionsMs: number } {
  const forMs = strapi.config.get<number>('plugin::users-permissions.rememberLoginsSeconds', 0) * 1000;
  const permissionsMs = forMs / 10;
  return { loginMs: forMs - permissionsMs, permissionsMs };
}

/**
 * The plugin says "not authenticated" of a bad token and of everything that goes wrong on its way, a database that is away
 * included. Apps answer a 401 by logging their user out, so that case is told apart: it is a 503.
 */
function withHonestFailures(strategy: AuthStrategy, strapi: Core.Strapi): AuthStrategy {
  return {
    ...strategy,
    async authenticate(ctx) {
      const result = await strategy.authenticate(ctx);
      const isRefused = result?.authenticated !== true && (result?.error ?? null) === null;
      if (isRefused && (await isGoodToken(ctx, strapi))) throw new ChatError('database-unavailable');
      return result;
    },
  };
}

/** Whether nothing speaks against the token: its user, who has a role, is found now, or cannot be read. */
async function isGoodToken(ctx: Context, strapi: Core.Strapi): Promise<boolean> {
  const users = strapi.plugin('users-permissions');
  const jwt = users.service('jwt') as { getToken(ctx: Context): Promise<{ id?: unknown } | null> | null };
  const user = users.service('user') as {
    fetchAuthenticatedUser(id: unknown): Promise<{ role?: unknown } | null>;
  };
  try {
    const token = await jwt.getToken(ctx);
    if (token?.id === undefined) return false;
    // To a user without a role, which an admin can make, the plugin says "not authenticated" too.
    return ((await user.fetchAuthenticatedUser(token.id))?.role ?? null) !== null;
  } catch (error) {
    return !(error instanceof Error && error.message === 'Invalid token.');
  }
}
