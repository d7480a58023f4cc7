import type { Core } from '@strapi/strapi';

import { assertScope, ChatError, tokenScopes, type Owner, type TokenScope } from '../chat';
import { findActiveUser } from '../strapi/logins/active-user';
import type { Login } from '../strapi/logins/login-watch';
import { checkAnyToken } from '../strapi/tokens/check-token';

/** The user and the login of a token. */
export interface SocketLogin {
  readonly owner: Owner;
  readonly login: Login;
  /** A JWT has all scopes. */
  readonly scopes: readonly TokenScope[];
}

/** The action of the route. Roles that have it in the role editor may connect. */
const action = 'api::chat-session.session-socket.open';

/**
 * Returns the end user of a JWT or a personal token.
 * @throws ChatError `unauthorized`, `forbidden` (the role may not connect), `token-scope`, `database-unavailable`
 */
export async function logIn(strapi: Core.Strapi, token: string): Promise<SocketLogin> {
  try {
    return await readUser(strapi, token);
  } catch (error) {
    if (error instanceof ChatError) throw error;
    // The plugin throws this error for each invalid token. Any other error does not depend on the token.
    const isRefused = error instanceof Error && error.message === 'Invalid token.';
    throw new ChatError(isRefused ? 'unauthorized' : 'database-unavailable', { cause: error });
  }
}

async function readUser(strapi: Core.Strapi, token: string): Promise<SocketLogin> {
  const { id, sessionId = null, tokenLogin } = await checkAnyToken(strapi, token);
  const found = await findActiveUser(strapi, id);
  if (found === null) throw new ChatError('unauthorized');
  if (!found.permissions.some((permission) => permission.action === action)) throw new ChatError('forbidden');
  const scopes = tokenLogin?.scopes ?? tokenScopes;
  assertScope(scopes, 'read');
  const { documentId, username, email } = found.user;
  return {
    owner: { id: found.user.id, documentId, username, email },
    login: { userId: found.user.id, documentId, sessionId },
    scopes,
  };
}
