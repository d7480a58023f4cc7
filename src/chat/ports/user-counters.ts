import type { RateLimit } from '../errors';

/**
 * Counts of each user, kept where they hold for all processes, across restarts and imports: so they name a user by
 * documentId. Null: that limit is off.
 */
export interface UserCounters {
  readonly turnsPerMinute: MinuteCounter | null;
  readonly tokensPerDay: DayCounter | null;
  readonly writesPerMinute: MinuteCounter | null;
  readonly charsPerDay: DayCounter | null;
}

export interface MinuteCounter {
  /** Counts one more, unless the minute has had enough of them. However many ask at once, no more get through. */
  count(userDocumentId: string): Promise<{ readonly isAllowed: boolean; readonly rateLimit: RateLimit }>;
  /** Takes back one of the minute that is running. */
  refund(userDocumentId: string): Promise<void>;
}

export interface DayCounter {
  read(userDocumentId: string): Promise<RateLimit>;
  /** @returns what the day has left then. */
  add(userDocumentId: string, amount: number): Promise<RateLimit>;
}
