import type { Day } from '../calendar';

/** Which records to sum, and how to group them. */
export interface UsageQuery {
  /** Days of the store's time zone, both included: `2025-01-15`. */
  readonly from: string;
  readonly to: string;
  readonly by: UsageDimension;
  /** Null takes the records of all characters. */
  readonly characterId: string | null;
  readonly model: string | null;
}

export const usageDimensions = ['day', 'character', 'model'] as const;
export type UsageDimension = (typeof usageDimensions)[number];

/** The sums of one day, one character or one model. */
export interface UsageGroup {
  /** The day, the documentId of the character or the model. Empty for records without a character. */
  readonly name: string;
  readonly records: number;
  readonly errors: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly totalTokens: number;
  /** How many different users have records. */
  readonly users: number;
  /** Billionths by currency. */
  readonly prices: readonly (readonly [currency: string, nanos: number])[];
  /** Counts of times to the first token by bin, see `first-token.ts`. */
  readonly firstTokens: readonly (readonly [bin: number, records: number])[];
}

export interface Usage {
  /** In no order. A day without records has no group. */
  readonly groups: readonly UsageGroup[];
  /** How many different users have records in all groups together. */
  readonly users: number;
  /** Every day of the range. */
  readonly days: readonly Day[];
}

/** Which ratings to count: those of messages asked from `startMs` (included) to `endMs` (excluded). */
export interface RatingQuery extends Pick<UsageQuery, 'by' | 'characterId' | 'model'> {
  readonly startMs: number;
  readonly endMs: number;
}

/** Ratings of one quarter of an hour, one character or one model. */
export interface RatingCount {
  /** The documentId of the character or the model; empty for a quarter of an hour. */
  readonly name: string;
  /** A time within the quarter of an hour; any time of the range for a character or a model. */
  readonly at: Date;
  readonly likes: number;
  readonly dislikes: number;
}

/** Counts the ratings that users have given now. The main database has them, because users can change them. */
export interface RatingSource {
  /** Uses one statement. */
  countRatings(query: RatingQuery): Promise<readonly RatingCount[]>;
}
