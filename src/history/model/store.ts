import type { HistoryRecord } from './record';
import type { Usage, UsageQuery } from './usage';

/** A record with the position from which the next page continues. */
export interface StoredRecord extends HistoryRecord {
  readonly position: Position;
}

/** Where a list continues: by time, and by id among records of the same time. */
export interface Position {
  readonly timeMs: number;
  readonly id: string;
}

export interface HistoryPage {
  /** 1 to 101: the limit of the client, and one more. */
  readonly limit: number;
  /** Use either `offset` or `after`, not both. */
  readonly offset: number;
  readonly after: Position | null;
}

/** The summary of a conversation, errors included. The store saves it separately, so that a list scans no records. */
export interface ConversationSummary {
  readonly conversationId: string;
  readonly userDocumentId: string;
  readonly characterId: string | null;
  /** The beginning of its first question, at most 120 characters. */
  readonly title: string;
  readonly model: string;
  readonly records: number;
  readonly errors: number;
  readonly totalTokens: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

/**
 * Sums of one user, or of all users, over a quarter of an hour. This is the smallest step by which time zones differ.
 */
export interface Bucket {
  readonly startMs: number;
  readonly model: string;
  readonly characterId: string | null;
  readonly currency: string;
  readonly records: number;
  readonly errors: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly totalTokens: number;
  readonly priceNanos: number;
}

/** Whose records: those of one user or, for an administrator, those of all users. */
export type Scope = { readonly userDocumentId: string } | 'everybody';

/** A user: by documentId or, if an older version saved it, by the row id of that time. */
export type NamedUser = { readonly userDocumentId: string } | { readonly formerUserId: number };

/** Data to erase: all records of a user, or of one of the user's conversations, up to a time. */
export type Erasure = NamedUser & {
  readonly conversationId: string | null;
  readonly before: Date;
};

/**
 * The store of finished generations. It names users by documentId, because an import can give their row ids to other
 * users. It can be unavailable for a long time: every method may reject, and nothing else depends on it.
 */
export interface HistoryStore {
  /**
   * Saves these records with their sums, or none of them. Leaves out records that exist already, and those that an
   * erasure covers.
   */
  save(records: readonly HistoryRecord[]): Promise<void>;

  /** Returns the latest records of a conversation, errors included, newest first. */
  listRecords(scope: Scope, conversationId: string, page: HistoryPage): Promise<readonly StoredRecord[]>;

  /** Returns conversations, ordered by their latest record, newest first. */
  listConversations(scope: Scope, page: HistoryPage): Promise<readonly ConversationSummary[]>;

  /** Returns sums from `from` (included) to `to` (excluded). Reads only the sums, never the records. */
  listBuckets(scope: Scope, from: Date, to: Date): Promise<readonly Bucket[]>;

  /** Returns the sums of all users for a range of days, in one statement that reads only daily sums. */
  readUsage(query: UsageQuery): Promise<Usage>;

  /** Returns an id that never changes and that no other store has. */
  identity(): Promise<string>;

  /** Returns the number of all conversations in a scope. */
  countConversations(scope: Scope): Promise<number>;

  /**
   * Erases permanently, some rows at a time, and saves the erasure. A later save also leaves out records created
   * before its time.
   * @returns how many records it erased.
   */
  erase(erasure: Erasure): Promise<number>;

  /**
   * Removes records created before this day (`2025-01-15`), with their sums. Drops whole partitions if they exist.
   * Otherwise it deletes some rows at a time, until done or until `signal` fires.
   * @returns how many records it removed; for dropped partitions, the count of the sums.
   */
  prune(beforeDay: string, signal: AbortSignal): Promise<number>;

  /** Returns the day of a time in the time zone of the store, as `2025-01-15`. */
  dayOf(time: Date): Promise<string>;

  /** Makes the partitions of the coming days. Does nothing if the store has no partitions. */
  preparePartitions(from: Date, days: number): Promise<void>;

  close(): Promise<void>;
}
