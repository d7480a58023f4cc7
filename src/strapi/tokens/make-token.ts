import { randomUUID } from 'node:crypto';

import type { Core } from '@strapi/strapi';

import { ChatError, type PersonalToken, type TokenRequest } from '../../chat';
import type { Login } from '../logins/login-watch';
import { loginsOf } from '../logins/logins';
import { tokenSettingsOf } from '../logins/token-settings';
import { digestOf, newSecret } from './token';

/**
 * Makes a personal token. It locks the account and checks the login again: a request that began before the password
 * changed must not leave a valid token.
 * @throws ChatError `login-ended`, `too-many-tokens`
 */
export async function makeToken(
  strapi: Core.Strapi,
  { userId, sessionId }: Login,
  request: TokenRequest,
): Promise<{ readonly token: PersonalToken; readonly secret: string }> {
  const secret = newSecret();
  const token = { ...request, tokenId: randomUUID(), createdAt: new Date(), lastUsedAt: null };
  await loginsOf(strapi).store.withAccount(userId, async (account, changes) => {
    const isGood = sessionId === null || (await changes.findAccountId(sessionId)) === userId;
    if (account === null || !isGood) throw new ChatError('login-ended');
    if ((await changes.countTokens(account)) >= tokenSettingsOf(strapi).perUser)
      throw new ChatError('too-many-tokens');
    await changes.addToken(account, { ...token, hash: digestOf(secret) });
  });
  return { token, secret };
}
