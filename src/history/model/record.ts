/**
 * One finished generation, as the history keeps it: append-only, in OpenAI's shapes, whatever becomes of the messages it
 * was made from.
 */
export interface HistoryRecord {
  /** What makes it one: of a turn its `turn_id`. Saved twice, it is there once. At most 64 characters. */
  readonly recordId: string;
  /** Of a turn the `session_id`. At most 255 characters. */
  readonly conversationId: string;
  /** The documentId of its user; null of a record that an older version saved, until it is found. */
  readonly userDocumentId: string | null;
  /** The number by which an older version named the user: the id that its row had then. */
  readonly formerUserId: number | null;
  /** The `documentId` of the character. */
  readonly characterId: string | null;
  /** Ids of a gateway in front, where the caller gave them. */
  readonly tokenId: number | null;
  readonly channelId: number | null;
  readonly model: string;
  /** What was sent, as a list of OpenAI messages: `{ role, content }`. */
  readonly messages: readonly unknown[];
  /** The OpenAI completion: `{ choices: [{ index, message, finish_reason }], usage }`. Of an error: null. */
  readonly response: unknown;
  readonly usage: HistoryUsage;
  /** From the question to the end of the answer. */
  readonly latencyMs: number | null;
  /** Null of what went well; else the record is one of `error_conversation_histories`. */
  readonly error: HistoryError | null;
  /** Decides the partition, so it is the same however often a record is saved. Whole milliseconds. */
  readonly createdAt: Date;
}

export interface HistoryUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly totalTokens: number;
  /** In billionths of the currency: whole numbers add up exactly on every database. */
  readonly priceNanos: number;
  /** ISO 4217, or empty where nothing was priced. */
  readonly currency: string;
}

export interface HistoryError {
  /** Ours (`upstream-timeout`) or, of completions recorded by other code, whatever it has: an HTTP status as text. */
  readonly code: string;
  readonly message: string;
  /** Whether the answer had begun. */
  readonly phase: 'before-answer' | 'during-answer';
  /** The text that had arrived; empty before it began. */
  readonly partialText: string;
}
