import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import type { Context } from 'koa';

import type { AuthenticateResult, AuthStrategy } from '../logins/auth-strategy';
import { findActiveUser, type Permission } from '../logins/active-user';
import { bearerTokenOf, setTokenLogin } from '../logins/request-token';
import { checkToken } from './check-token';
import { assertAllowed, isAllowed } from './limit-tokens';
import { isPersonalToken } from './token';

interface Auth {
  register(type: string, strategy: TokenStrategy): unknown;
}

interface TokenStrategy extends AuthStrategy {
  verify(auth: AuthenticateResult, config: { readonly scope?: string | readonly string[] }): Promise<void>;
}

interface Ability {
  can(scope: string): boolean;
}

/**
 * Accepts personal tokens as a strategy of its own, so that the login and the JWTs of a host stay as they are. The
 * host's own routes refuse personal tokens like any unknown token.
 * @param isOwnRoute returns whether the route of a request is one of the chat.
 */
export function addTokenStrategy(strapi: Core.Strapi, isOwnRoute: (ctx: Context) => boolean): void {
  const auth = strapi.get('auth') as Auth;
  auth.register('content-api', {
    // Controllers know users by the name of the strategy that found them.
    name: 'users-permissions',
    verify: async (found, config) => assertPermitted(found, config),
    async authenticate(ctx) {
      const token = bearerTokenOf(ctx);
      if (token === null || !isPersonalToken(token)) return undefined;
      const login = await checkToken(strapi, token).catch(ifInvalid);
      const found = login === undefined ? null : await findActiveUser(strapi, login.id);
      if (login === undefined || found === null) return undefined;
      setTokenLogin(ctx, login.tokenLogin);
      if (isOwnRoute(ctx)) assertAllowed(ctx);
      else if (!isAllowed(ctx)) return undefined;
      Object.assign(ctx.state, { user: found.user, session: { id: login.sessionId } });
      return {
        authenticated: true,
        credentials: found.user,
        ability: await toAbility(strapi, found.permissions),
      };
    },
  });
}

/** @throws every other error: a database that is down does not make a token wrong. */
function ifInvalid(error: unknown): undefined {
  if (error instanceof Error && error.message === 'Invalid token.') return undefined;
  throw error;
}

async function toAbility(strapi: Core.Strapi, permissions: readonly Permission[]): Promise<Ability> {
  const service = strapi.plugin('users-permissions').service('permission') as {
    toContentAPIPermission(permission: Permission): never;
  };
  const ofRole = permissions.map((permission) => service.toContentAPIPermission(permission));
  return (await strapi.contentAPI.permissions.engine.generateAbility(ofRole)) as unknown as Ability;
}

/** Checks the role of the user, as users-permissions does. @throws ForbiddenError */
function assertPermitted(
  { ability }: AuthenticateResult,
  { scope = [] }: { readonly scope?: string | readonly string[] },
): void {
  const scopes = typeof scope === 'string' ? [scope] : scope;
  if (!scopes.every((one) => (ability as Ability).can(one))) throw new errors.ForbiddenError();
}
