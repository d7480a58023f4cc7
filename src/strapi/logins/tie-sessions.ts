import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';

import { loginsOf } from './logins';
import { userOrigin } from '../../database/users/login-table';
import { checkedPasswordOf } from './checked-password';
import { createRenewal, type UserSessions } from './renew-sessions';

/**
 * Ties each session of a user to its account, and to the login that it comes from. Strapi's own sessions know only the
 * number of an account, and do not know each other. Callers of Strapi's session manager get only good sessions.
 */
export function tieSessions(strapi: Core.Strapi): void {
  const renew = createRenewal(strapi);
  const tied = new Proxy(strapi.sessionManager, {
    apply(manager, _this, [origin]: [string]) {
      const sessions = manager(origin);
      if (origin !== userOrigin) return sessions;
      const rotateRefreshToken = (token: string) => renew(sessions, token);
      const overrides = { ...tieUserSessions(strapi, sessions), rotateRefreshToken };
      return Object.assign(Object.create(sessions) as UserSessions, overrides);
    },
  });
  Object.defineProperty(strapi, 'sessionManager', { configurable: true, value: tied });
}

function tieUserSessions(strapi: Core.Strapi, sessions: UserSessions): Partial<UserSessions> {
  const { store, ended } = loginsOf(strapi);
  return {
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

    async validateRefreshToken(token) {
      const validation = await sessions.validateRefreshToken(token);
      if (!validation.isValid) return validation;
      const isGood = (await store.findAccountId(validation.sessionId)) !== null;
      return isGood ? validation : { isValid: false };
    },

    async invalidateRefreshToken(userId, deviceId) {
      await store.withAccount(Number(userId), async () => {
        await sessions.invalidateRefreshToken(userId, deviceId);
        await ended([Number(userId)]);
      });
    },

    /** Ends the whole login. Otherwise its tokens from before a renewal, or from after it, would stay good. */
    async revokeSessionById(userId, sessionId) {
      const session = await store.findTied(sessionId);
      if (session?.userId !== Number(userId)) return false;
      return store.withAccount(session.userId, async (_account, changes) => {
        await changes.endFamily(session.familyId);
        await ended([session.userId]);
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
}
