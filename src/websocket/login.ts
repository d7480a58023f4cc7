import type { Core } from '@strapi/strapi';
import { z } from 'zod';

import { assertScope, ChatError, tokenScopes, type Owner, type TokenScope } from '../chat';
import type { Login } from '../strapi/logins/login-watch';
import type { JwtService } from '../strapi/logins/tied-tokens';

/** The user and the login of a token. */
export interface SocketLogin {
  readonly owner: Owner;
  readonly login: Login;
  /** A JWT has all scopes. */
  readonly scopes: readonly TokenScope[];
}

/** The action of the route. Roles that have it in the role editor may connect. */
const action = 'api::chat-session.session-socket.open';

const userSchema = z.object({
  id: z.number().int(),
  documentId: z.string().min(1),
  username: z.string(),
  email: z.string(),
  confirmed: z.boolean().nullish(),
  blocked: z.boolean().nullish(),
  role: z.object({ id: z.number().int() }).nullish(),
});

/**
 * Returns the end user of a JWT or a personal token. It repeats the rules of users-permissions, whose middleware needs a request.
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
  const plugin = strapi.plugin('users-permissions');
  const jwt = plugin.service('jwt') as JwtService;
  const users = plugin.service('user') as { fetchAuthenticatedUser(id: unknown): Promise<unknown> };
  const permissions = plugin.service('permission') as {
    findRolePermissions(roleId: number): Promise<readonly { readonly action: string }[]>;
  };
  const { id, sessionId = null, tokenLogin } = await jwt.verify(token);
  const user = userSchema.safeParse(await users.fetchAuthenticatedUser(id)).data;
  if (user === undefined || user.blocked === true) throw new ChatError('unauthorized');
  if (user.confirmed !== true && (await needsConfirmation(strapi))) throw new ChatError('unauthorized');
  const { role } = user;
  if (role === null || role === undefined) throw new ChatError('unauthorized');
  const granted = await permissions.findRolePermissions(role.id);
  if (!granted.some((permission) => permission.action === action)) throw new ChatError('forbidden');
  const scopes = tokenLogin?.scopes ?? tokenScopes;
  assertScope(scopes, 'read');
  const { documentId, username, email } = user;
  return {
    owner: { id: user.id, documentId, username, email },
    login: { userId: user.id, documentId, sessionId },
    scopes,
  };
}

async function needsConfirmation(strapi: Core.Strapi): Promise<boolean> {
  const store = strapi.store({ type: 'plugin', name: 'users-permissions' });
  const advanced = (await store.get({ key: 'advanced' })) as { email_confirmation?: unknown } | null;
  return advanced?.email_confirmation === true;
}
