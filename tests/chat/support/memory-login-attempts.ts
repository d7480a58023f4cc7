import {
  longestLoginPauseMs,
  loginClaimMs,
  loginPauseMs,
  maxLoginTries,
} from '../../../src/chat/limits/login-pause';
import type {
  LoginAttempts,
  LoginRefusal,
  LoginResult,
} from '../../../src/chat/ports/upstreams/login-attempts';

interface Row {
  readonly state: 'trying' | 'waiting' | 'refused';
  readonly tries: number;
  readonly claimedAt: number;
  readonly retryAt: number;
  readonly status: number | null;
  readonly reason?: LoginRefusal;
}

/** Keeps attempts in memory, by the clock of this process. */
export function createMemoryLoginAttempts(): LoginAttempts {
  const rows = new Map<string, Row>();
  const isClaimed = ({ state, claimedAt }: Row) =>
    state === 'trying' && claimedAt > Date.now() - loginClaimMs;
  return {
    async claim(given) {
      const account = JSON.stringify(given);
      const row = rows.get(account);
      const now = Date.now();
      if (row !== undefined) {
        if (row.reason !== undefined) return { state: 'refused', reason: row.reason };
        if (isClaimed(row)) return { state: 'busy' };
        if (row.retryAt > now) return { state: 'paused', upstreamStatus: row.status };
      }
      const tries = (row?.tries ?? 0) + 1;
      const holdMs = tries < maxLoginTries ? loginClaimMs : longestLoginPauseMs;
      const claimed: Row = { state: 'trying', tries, claimedAt: now, retryAt: now + holdMs, status: null };
      rows.set(account, claimed);
      return {
        state: 'claimed',
        async end(result) {
          if (rows.get(account) !== claimed) return;
          const ended = toEnded(claimed, result);
          if (ended === null) rows.delete(account);
          else rows.set(account, ended);
        },
      };
    },
    async forget(given) {
      const account = JSON.stringify(given);
      const row = rows.get(account);
      if (row !== undefined && !isClaimed(row)) rows.delete(account);
    },
  };
}

function toEnded(row: Row, result: LoginResult): Row | null {
  switch (result.type) {
    case 'accepted':
      return null;
    case 'refused':
      return { ...row, state: 'refused', reason: result.reason };
    case 'failed': {
      const retryAt = Date.now() + loginPauseMs(row.tries);
      return { ...row, state: 'waiting', retryAt, status: result.upstreamStatus };
    }
    case 'unchecked':
      return { ...row, state: 'waiting', tries: row.tries - 1, retryAt: 0 };
  }
}
