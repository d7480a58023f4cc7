import type { DayCounter, MinuteCounter, UserCounters } from '../../../src/chat/ports/users/user-counters';

export interface MemoryCounters extends UserCounters {
  /** Returns the number of counted turns of this user. */
  turnsOf(userDocumentId: string): number;
  tokensOf(userDocumentId: string): number;
  writesOf(userDocumentId: string): number;
  charsOf(userDocumentId: string): number;
}

export interface MemoryCountersOptions {
  /** 0 means no limit. */
  readonly turnsPerMinute?: number;
  readonly tokensPerDay?: number;
  readonly writesPerMinute?: number;
  readonly charsPerDay?: number;
  readonly resetAtMs?: () => number;
}

/** Creates counters in memory with one window that never passes by itself. */
export function createMemoryCounters({
  turnsPerMinute = 0,
  tokensPerDay = 0,
  writesPerMinute = 0,
  charsPerDay = 0,
  resetAtMs = () => Date.now() + 30_000,
}: MemoryCountersOptions = {}): MemoryCounters {
  type Counts = Map<string, number>;
  const turns: Counts = new Map();
  const tokens: Counts = new Map();
  const writes: Counts = new Map();
  const chars: Counts = new Map();
  const of = (counts: Counts, user: string) => counts.get(user) ?? 0;
  const state = (limit: number, used: number) => ({
    limit,
    remaining: Math.max(limit - used, 0),
    resetAtMs: resetAtMs(),
  });
  const perMinute = (counts: Counts, limit: number): MinuteCounter => ({
    async count(user) {
      const used = of(counts, user) + 1;
      if (used <= limit) counts.set(user, used);
      return { isAllowed: used <= limit, rateLimit: state(limit, used) };
    },
    async refund(user) {
      counts.set(user, of(counts, user) - 1);
    },
  });
  const perDay = (counts: Counts, limit: number): DayCounter => ({
    read: async (user) => state(limit, of(counts, user)),
    async add(user, more) {
      counts.set(user, of(counts, user) + more);
      return state(limit, of(counts, user));
    },
  });
  return {
    turnsOf: (user) => of(turns, user),
    tokensOf: (user) => of(tokens, user),
    writesOf: (user) => of(writes, user),
    charsOf: (user) => of(chars, user),
    turnsPerMinute: turnsPerMinute === 0 ? null : perMinute(turns, turnsPerMinute),
    tokensPerDay: tokensPerDay === 0 ? null : perDay(tokens, tokensPerDay),
    writesPerMinute: writesPerMinute === 0 ? null : perMinute(writes, writesPerMinute),
    charsPerDay: charsPerDay === 0 ? null : perDay(chars, charsPerDay),
  };
}
