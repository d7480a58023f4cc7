import type { UserCounters } from '../../../src/chat/limits';

export interface MemoryCounters extends UserCounters {
  /** Turns that count of this user. */
  turnsOf(ownerId: number): number;
  tokensOf(ownerId: number): number;
}

export interface MemoryCountersOptions {
  /** 0: no limit. */
  readonly turnsPerMinute?: number;
  readonly tokensPerDay?: number;
  readonly resetAtMs?: () => number;
}

/** Counts in memory, of one window that only the test moves on. */
export function createMemoryCounters({
  turnsPerMinute = 0,
  tokensPerDay = 0,
  resetAtMs = () => Date.now() + 30_000,
}: MemoryCountersOptions = {}): MemoryCounters {
  const turns = new Map<number, number>();
  const tokens = new Map<number, number>();
  const of = (counts: Map<number, number>, ownerId: number) => counts.get(ownerId) ?? 0;
  const state = (limit: number, used: number) => ({
    limit,
    remaining: Math.max(limit - used, 0),
    resetAtMs: resetAtMs(),
  });
  return {
    turnsOf: (ownerId) => of(turns, ownerId),
    tokensOf: (ownerId) => of(tokens, ownerId),
    turnsPerMinute:
      turnsPerMinute === 0
        ? null
        : {
            async count(ownerId) {
              const used = of(turns, ownerId) + 1;
              if (used <= turnsPerMinute) turns.set(ownerId, used);
              return { isAllowed: used <= turnsPerMinute, rateLimit: state(turnsPerMinute, used) };
            },
            async giveBack(ownerId) {
              turns.set(ownerId, of(turns, ownerId) - 1);
            },
          },
    tokensPerDay:
      tokensPerDay === 0
        ? null
        : {
            read: async (ownerId) => state(tokensPerDay, of(tokens, ownerId)),
            async add(ownerId, more) {
              tokens.set(ownerId, of(tokens, ownerId) + more);
            },
          },
  };
}
