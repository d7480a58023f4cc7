import type { UserCounters } from '../../../src/chat/limits';

export interface MemoryCounters extends UserCounters {
  /** Turns that count of this user. */
  turnsOf(userDocumentId: string): number;
  tokensOf(userDocumentId: string): number;
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
  const turns = new Map<string, number>();
  const tokens = new Map<string, number>();
  const of = (counts: Map<string, number>, userDocumentId: string) => counts.get(userDocumentId) ?? 0;
  const state = (limit: number, used: number) => ({
    limit,
    remaining: Math.max(limit - used, 0),
    resetAtMs: resetAtMs(),
  });
  return {
    turnsOf: (userDocumentId) => of(turns, userDocumentId),
    tokensOf: (userDocumentId) => of(tokens, userDocumentId),
    turnsPerMinute:
      turnsPerMinute === 0
        ? null
        : {
            async count(userDocumentId) {
              const used = of(turns, userDocumentId) + 1;
              if (used <= turnsPerMinute) turns.set(userDocumentId, used);
              return { isAllowed: used <= turnsPerMinute, rateLimit: state(turnsPerMinute, used) };
            },
            async giveBack(userDocumentId) {
              turns.set(userDocumentId, of(turns, userDocumentId) - 1);
            },
          },
    tokensPerDay:
      tokensPerDay === 0
        ? null
        : {
            read: async (userDocumentId) => state(tokensPerDay, of(tokens, userDocumentId)),
            async add(userDocumentId, more) {
              tokens.set(userDocumentId, of(tokens, userDocumentId) + more);
            },
          },
  };
}
