import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { loginsOf } from './logins';
import type { TokenLogin } from './request-token';
import { userOrigin } from '../../database/users/login-table';

/** The login that a token proves. */
export interface TokenPayload {
  readonly id?: unknown;
  readonly sessionId?: string;
  /** Only for a personal token. */
  readonly tokenLogin?: TokenLogin;
}

/** The part of the plugin's token service that the application uses. */
export interface JwtService {
  verify(token: string): Promise<TokenPayload>;
  /** Verifies the token of a request. Returns null if it has none. */
  getToken(ctx: Context): Promise<TokenPayload | null> | null;
  issue(payload: object): unknown;
}

/** Accepts an access token only while its session is good. */
export function tieTokens(service: JwtService, strapi: Core.Strapi): JwtService {
  return {
    ...service,
    async verify(token) {
      const { payload } = strapi.sessionManager(userOrigin).validateAccessToken(token);
      const id = payload === null ? null : await loginsOf(strapi).store.findAccountId(payload.sessionId);
      // The plugin's own message for every token that is not good.
      if (payload === null || id === null || String(id) !== payload.userId) throw new Error('Invalid token.');
      return { id, sessionId: payload.sessionId };
    },
  };
}

/** Returns whether tokens have sessions. In the mode `legacy-support`, a login consists only of its token. */
export function hasSessions(strapi: Core.Strapi): boolean {
  return strapi.config.get<string>('plugin::users-permissions.jwtManagement', 'legacy-support') === 'refresh';
}
