import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';

import { loginsOf } from '../../logins';
import { userOrigin } from '../../stores/login-table';
import type { LoginChanges, TiedSession } from '../../stores/logins';
import { nowAndOnCommit } from '../../stores/when-changed';
import { checkedPasswordOf } from './checked-password';

type SessionManager = Core.Strapi['sessionManager'];
type UserSessions = ReturnType<SessionManager>;
type Renewed = Awaited<ReturnType<UserSessions['rotateRefreshToken']>>;

const invalid: Renewed = { error: 'invalid_refresh_token' };

/**
 * Strapi's sessions of users know an account by its number alone, and each session by itself. Here a session is tied to
 * its account and to the login it came of; whoever asks Strapi's session manager gets those that are good.
 */
export function tieSessions(strapi: Core.Strapi): void {
  const manager = strapi.sessionManager;
  const tied = new Proxy(manager, {
    apply(target, _this, [origin]: [string]) {
      const sessions = target(origin);
      return origin === userOrigin ? tieUserSessions(strapi, sessions) : sessions;
    },
  });
  Object.defineProperty(strapi, 'sessionManager', { configurable: true, value: tied });
}

function tieUserSessions(strapi: Core.Strapi, sessions: UserSessions): UserSessions {
  const { store, endedSome } = loginsOf(strapi);
  const againMs = strapi.config.get<number>('plugin::users-permissions.refreshAgainSeconds', 0) * 1000;

  const overrides: Partial<UserSessions> = {
    async generateRefreshToken(userId, deviceId, options) {
      return store.withAccount(Number(userId), async (account, changes) => {
        const mark = checkedPasswordOf(strapi);
        if (account === null || (mark !== undefined && mark !== account.passwordMark)) {
          throw new errors.ValidationError('Invalid identifier or password');
        }
        const refresh = await sessions.generateRefreshToken(userId, deviceId, options);
        await changes.tie(refresh.sessionId, account);
        return refresh;
      });
    },

    async rotateRefreshToken(token) {
      const session = await findSession(token);
      if (session === null) return invalid;
      return store.withAccount(session.userId, async (_account, changes) => {
        if ((await changes.findAccountId(session.sessionId)) === null) return invalid;
        const rotation = await changes.findRotation(session.sessionId, againMs);
        if (rotation.state === 'gone') return invalid;
        if (rotation.state === 'unused') {
          const renewed = await sessions.rotateRefreshToken(token);
          if (!('error' in renewed)) await changes.tieChild(session, renewed.sessionId);
          return renewed;
        }
        const renewed = await rotateAgain(changes, session, token);
        if ('error' in renewed || (rotation.isRecent && !rotation.isChildUsed)) return renewed;
        strapi.log.warn(`A refresh token was used again: a login of user ${session.userId} is ended.`);
        await changes.endFamily(session.familyId);
        await ended();
        return invalid;
      });
    },

    async validateRefreshToken(token) {
      const validation = await sessions.validateRefreshToken(token);
      const sessionId = validation.isValid ? validation.sessionId : undefined;
      if (sessionId === undefined) return validation;
      return (await store.findAccountId(sessionId)) === null ? { isValid: false } : validation;
    },

    async invalidateRefreshToken(userId, deviceId) {
      await store.withAccount(Number(userId), async () => {
        await sessions.invalidateRefreshToken(userId, deviceId);
        await ended();
      });
    },

    /** With the whole login: tokens of it from before a renewal would else stay good, or those of after. */
    async revokeSessionById(userId, sessionId) {
      const session = await store.findTied(sessionId);
      if (session?.userId !== Number(userId)) return false;
      return store.withAccount(session.userId, async (_account, changes) => {
        await changes.endFamily(session.familyId);
        await ended();
        return true;
      });
    },

    async listSessions(userId) {
      const listed = await sessions.listSessions(userId);
      const own = await store.findAccountIds(listed.map(({ sessionId }) => sessionId));
      return listed.filter(({ sessionId }) => own.has(sessionId));
    },

    async isSessionActive(sessionId) {
      return (await sessions.isSessionActive(sessionId)) && (await store.findAccountId(sessionId)) !== null;
    },
  };
  return Object.assign(Object.create(sessions) as UserSessions, overrides);

  function ended(): Promise<void> {
    return nowAndOnCommit(strapi.db, endedSome);
  }

  async function findSession(token: string): Promise<TiedSession | null> {
    const sessionId = readSessionId(token);
    return sessionId === null ? null : store.findTied(sessionId);
  }

  /**
   * Strapi checks the token and gives the session it was used for already, but only while the status is that of before.
   * Nobody else sees it so: the transaction sets it back.
   */
  async function rotateAgain(changes: LoginChanges, { sessionId }: TiedSession, token: string) {
    await changes.setStatus(sessionId, 'active');
    const renewed = await sessions.rotateRefreshToken(token);
    await changes.setStatus(sessionId, 'rotated');
    return renewed;
  }
}

/** What an unchecked token says. Null for what is none. */
function readSessionId(token: string): string | null {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const { sessionId } = payload as { readonly sessionId?: unknown };
    return typeof sessionId === 'string' ? sessionId : null;
  } catch {
    return null;
  }
}
