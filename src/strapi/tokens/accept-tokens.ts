import type { Core } from '@strapi/strapi';

import { describeError, type PersonalToken } from '../../chat';
import { toTokenLogin } from '../../database/users/tokens';
import { loginsOf } from '../logins/logins';
import { setTokenLogin } from '../logins/request-token';
import type { JwtService } from '../logins/tied-tokens';
import { digestOf, isPersonalToken } from './token';

/** The last use of a token is saved again after this time. So a busy client writes little. */
const saveUseEveryMs = 3_600_000;

/** Accepts valid personal tokens wherever the plugin accepts a JWT. Notes in the context that a request has one. */
export function acceptTokens(service: JwtService, strapi: Core.Strapi): JwtService {
  const accepting: JwtService = {
    ...service,
    async verify(token) {
      if (!isPersonalToken(token)) return service.verify(token);
      const { tokens } = loginsOf(strapi);
      const valid = await tokens.findValid(digestOf(token));
      // The plugin's own message for every token that is not good.
      if (valid === null) throw new Error('Invalid token.');
      const { tokenId, scopes, expiresAt } = valid.token;
      await noteUse(valid.token);
      return {
        id: valid.userId,
        sessionId: toTokenLogin(tokenId),
        tokenLogin: { scopes, expiresAtMs: expiresAt?.getTime() ?? Infinity },
      };
    },
    async getToken(ctx) {
      const payload = await service.getToken.call(accepting, ctx);
      if (payload?.tokenLogin !== undefined) setTokenLogin(ctx, payload.tokenLogin);
      return payload;
    },
  };
  return accepting;

  /** Saves the time of use. A database that cannot be written to must not refuse a valid token. */
  async function noteUse({ tokenId, lastUsedAt }: PersonalToken): Promise<void> {
    const now = new Date();
    if (now.getTime() - (lastUsedAt?.getTime() ?? 0) < saveUseEveryMs) return;
    await loginsOf(strapi)
      .tokens.noteUse(tokenId, now)
      .catch((error: unknown) => {
        strapi.log.warn(`The use of a personal token was not saved: ${describeError(error)}`);
      });
  }
}
