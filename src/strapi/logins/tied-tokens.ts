import type { Core } from '@strapi/strapi';

import { loginsOf } from './logins';
import { userOrigin } from '../../database/users/login-table';

/** The plugin's service of tokens, as far as it concerns us. */
export interface JwtService {
  verify(token: string): Promise<{ readonly id?: unknown; readonly sessionId?: string }>;
  issue(payload: object): unknown;
}

/** Accepts an access token only while its session is good. */
export function tieTokens(service: JwtService, strapi: Core.Strapi): JwtService {
  return {
    ...service,
    async verify(token) {
      const { payload } = strapi.sessionManager(userOrigin).validateAccessToken(token);
      const id = payload === null ? null : await loginsOf(strapi).store.findAccountId(payload.sessionId);
      // The plugin's own words for every token that is not good.
      if (payload === null || id === null || String(id) !== payload.userId) throw new Error('Invalid token.');
      return { id, sessionId: payload.sessionId };
    },
  };
}

/** In the mode `legacy-support` a token is all there is of a login. */
export function hasSessions(strapi: Core.Strapi): boolean {
  return strapi.config.get<string>('plugin::users-permissions.jwtManagement', 'legacy-support') === 'refresh';
}
