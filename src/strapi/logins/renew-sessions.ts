import type { Core } from '@strapi/strapi';

import { loginsOf } from './logins';
import type { LoginChanges, TiedSession } from '../../database/users/logins';

export type UserSessions = ReturnType<Core.Strapi['sessionManager']>;
type Renewed = Awaited<ReturnType<UserSessions['rotateRefreshToken']>>;

const invalid: Renewed = { error: 'invalid_refresh_token' };

/**
 * Returns a function that renews the tokens of a login by its refresh token. A second use of a token ends the login.
 * It is no second use if the request came before the first use ended, or within `refreshAgainSeconds` after it. Then
 * the function returns the same new token, unless a client has used that one.
 */
export function createRenewal(strapi: Core.Strapi) {
  const againMs = strapi.config.get<number>('plugin::users-permissions.refreshAgainSeconds', 0) * 1000;
  /** The running renewals of this process, by token. */
  const running = new Map<string, Promise<Renewed>>();

  return function renew(sessions: UserSessions, token: string): Promise<Renewed> {
    const renewal = running.get(token) ?? begin(sessions, token).finally(() => running.delete(token));
    running.set(token, renewal);
    return renewal;
  };

  async function begin(sessions: UserSessions, token: string): Promise<Renewed> {
    const { store, ended } = loginsOf(strapi);
    const sessionId = readSessionId(token);
    const session = sessionId === null ? null : await store.findTied(sessionId);
    if (session === null) return invalid;
    return store.withAccount(session.userId, async (_account, changes) => {
      if ((await changes.findAccountId(session.sessionId)) === null) return invalid;
      const rotation = await changes.findRotation(session.sessionId, session.readAtMs - againMs);
      if (rotation.state === 'gone') return invalid;
      if (rotation.state === 'unused') {
        const renewed = await sessions.rotateRefreshToken(token);
        if (!('error' in renewed)) await changes.tieChild(session, renewed.sessionId);
        return renewed;
      }
      const renewed = await rotateAgain(changes, sessions, session, token);
      if ('error' in renewed || (rotation.isRecent && !rotation.isChildUsed)) return renewed;
      strapi.log.warn(`A refresh token was used again: a login of user ${session.userId} is ended.`);
      await changes.endFamily(session.familyId);
      await ended([session.userId]);
      return invalid;
    });
  }
}

/**
 * Rotates a used token again. Strapi checks the token and returns the session that it created, but only if its status
 * is the old one. The transaction restores the status, so nobody else sees the change.
 */
async function rotateAgain(
  changes: LoginChanges,
  sessions: UserSessions,
  { sessionId }: TiedSession,
  token: string,
): Promise<Renewed> {
  await changes.setStatus(sessionId, 'active');
  const renewed = await sessions.rotateRefreshToken(token);
  await changes.setStatus(sessionId, 'rotated');
  return renewed;
}

/** Reads the session id of an unchecked token. Returns null if the text is no such token. */
function readSessionId(token: string): string | null {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const { sessionId } = payload as { readonly sessionId?: unknown };
    return typeof sessionId === 'string' ? sessionId : null;
  } catch {
    return null;
  }
}
