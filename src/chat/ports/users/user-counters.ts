import type { RateLimit } from '../../errors';

/**
 * Counters of each user. All processes share them, and they survive restarts and imports. So they name a user by
 * documentId. Null: that limit is off.
 */
export interface UserCounters {
  readonly turnsPerMinute: MinuteCounter | null;
  readonly tokensPerDay: DayCounter | null;
  readonly writesPerMinute: MinuteCounter | null;
  readonly charsPerDay: DayCounter | null;
}

export interface MinuteCounter {
  /** Adds one, unless the limit of the minute is reached. Concurrent calls cannot exceed the limit. */
  count(userDocumentId: string): Promise<{ readonly isAllowed: boolean; readonly rateLimit: RateLimit }>;
  /** Subtracts one from the current minute. */
  refund(userDocumentId: string): Promise<void>;
}

export interface DayCounter {
  read(userDocumentId: string): Promise<RateLimit>;
  /** @returns the limit after the addition. */
  add(userDocumentId: string, amount: number): Promise<RateLimit>;
}
