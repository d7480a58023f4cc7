import type { HistoryRecord } from './record';

/** A record with what a page of them continues from. */
export interface StoredRecord extends HistoryRecord {
  readonly position: Position;
}

/** Where a list goes on: by time, and by id where several have the same. */
export interface Position {
  readonly timeMs: number;
  readonly id: string;
}

export interface HistoryPage {
  /** 1 to 101: what clients ask for, and one more. */
  readonly limit: number;
  /** By number or by position, not both. */
  readonly offset: number;
  readonly after: Position | null;
}

/** What the history knows of a conversation, errors included. Kept beside the records, so that a list scans none. */
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

/** Sums of one user (or of all) over a quarter of an hour: the smallest step in which time zones differ. */
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

/** Whose records: one user's, or those of all users for an administrator. */
export type Scope = { readonly userDocumentId: string } | 'everybody';

/** A user: by documentId or, where an older version has noted it, by the number of then. */
export type NamedUser = { readonly userDocumentId: string } | { readonly formerUserId: number };

/** What is to be forgotten: all of a user's, or one conversation of theirs, up to a time. */
export type Erasure = NamedUser & {
  readonly conversationId: string | null;
  readonly before: Date;
};

/**
 * Where finished generations are kept. It names users by documentId, for an import gives the numbers of their rows to
 * others. It can be away for long: every method may reject, and nothing else depends on it.
 */
export interface HistoryStore {
  /**
   * Saves these, with all sums kept beside them, or none. One that is there already, or that belongs to what was erased
   * since, is left out.
   */
  save(records: readonly HistoryRecord[]): Promise<void>;

  /** The latest records of a conversation, errors included, newest first. */
  listRecords(scope: Scope, conversationId: string, page: HistoryPage): Promise<readonly StoredRecord[]>;

  /** By their latest record, newest first. */
  listConversations(scope: Scope, page: HistoryPage): Promise<readonly ConversationSummary[]>;

  /** From the sums, never from the records. `from` included, `to` not. */
  listBuckets(scope: Scope, from: Date, to: Date): Promise<readonly Bucket[]>;

  /** The same for as long as the store exists, and that of no other store. */
  identity(): Promise<string>;

  /** How many conversations there are, of the whole of a scope. */
  countConversations(scope: Scope): Promise<number>;

  /**
   * Erases for good, some rows at a time, and remembers it: what is saved later but was created before is left out too.
   * @returns how many records went.
   */
  erase(erasure: Erasure): Promise<number>;

  /**
   * Removes what was created before this day of UTC (`2025-01-15`), with its sums: whole partitions where there are any,
   * else some rows at a time, until done or `signal` fires.
   * @returns how many records went; of dropped partitions as the database counts them.
   */
  prune(beforeDay: string, signal: AbortSignal): Promise<number>;

  /** Makes the partitions of the days to come. Nothing to do where there are none. */
  preparePartitions(from: Date, days: number): Promise<void>;

  close(): Promise<void>;
}
