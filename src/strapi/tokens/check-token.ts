import type { Core } from '@strapi/strapi';

import { describeError, type PersonalToken } from '../../chat';
import { toTokenLogin } from '../../database/users/tokens';
import { loginsOf } from '../logins/logins';
import type { TokenLogin } from '../logins/request-token';
import type { JwtService, TokenPayload } from '../logins/tied-tokens';
import { digestOf, isPersonalToken } from './token';

/** The last use of a token is saved again after this time. So a busy client writes little. */
const saveUseEveryMs = 3_600_000;

/** The login that a personal token proves. */
export interface CheckedToken {
  readonly id: number;
  readonly sessionId: string;
  readonly tokenLogin: TokenLogin;
}

/** Checks a personal token, and notes its use. @throws Error with the message `Invalid token.` */
export async function checkToken(strapi: Core.Strapi, token: string): Promise<CheckedToken> {
  const valid = await loginsOf(strapi).tokens.findValid(digestOf(token));
  // The message that users-permissions has for every token that is not good.
  if (valid === null) throw new Error('Invalid token.');
  const { tokenId, scopes, expiresAt } = valid.token;
  await noteUse(strapi, valid.token);
  return {
    id: valid.userId,
    sessionId: toTokenLogin(tokenId),
    tokenLogin: { scopes, expiresAtMs: expiresAt?.getTime() ?? Infinity },
  };
}

/** Checks a personal token or a JWT. @throws Error with the message `Invalid token.` */
export async function checkAnyToken(strapi: Core.Strapi, token: string): Promise<TokenPayload> {
  if (isPersonalToken(token)) return checkToken(strapi, token);
  const jwt = strapi.plugin('users-permissions').service('jwt') as JwtService;
  return jwt.verify(token);
}

/** Saves the time of use. A database that cannot be written to must not refuse a valid token. */
async function noteUse(strapi: Core.Strapi, { tokenId, lastUsedAt }: PersonalToken): Promise<void> {
  const now = new Date();
  if (now.getTime() - (lastUsedAt?.getTime() ?? 0) < saveUseEveryMs) return;
  await loginsOf(strapi)
    .tokens.noteUse(tokenId, now)
    .catch((error: unknown) => {
      strapi.log.warn(`The use of a personal token was not saved: ${describeError(error)}`);
    });
}
