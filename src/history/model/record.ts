/**
 * One finished generation in the history, append-only and in OpenAI's format. Later changes to the messages of its
 * turn do not change it.
 */
export interface HistoryRecord {
  /** Unique id of at most 64 characters; for a turn, its `turn_id`. A second save of the same id adds nothing. */
  readonly recordId: string;
  /** For a turn, its `session_id`. At most 255 characters. */
  readonly conversationId: string;
  /** The documentId of the user. Null for a record of an older version until its user is found. */
  readonly userDocumentId: string | null;
  /** The row id by which an older version named the user, as it was then. */
  readonly formerUserId: number | null;
  /** The `documentId` of the character. */
  readonly characterId: string | null;
  /** Ids of a gateway in front of the application, if the caller gave them. */
  readonly tokenId: number | null;
  readonly channelId: number | null;
  readonly model: string;
  /** The sent messages, as a list of OpenAI messages: `{ role, content }`. */
  readonly messages: readonly unknown[];
  /** The OpenAI completion: `{ choices: [{ index, message, finish_reason }], usage }`. Null for an error. */
  readonly response: unknown;
  readonly usage: HistoryUsage;
  /** Time from the question to the end of the answer. */
  readonly latencyMs: number | null;
  /** Time from the question to the first text of the answer. Null if it is unknown. */
  readonly firstTokenMs: number | null;
  /** Null for a success. A record with an error is in `error_conversation_histories`. */
  readonly error: HistoryError | null;
  /** Decides the partition, so every save of the same record must give the same time. Whole milliseconds. */
  readonly createdAt: Date;
}

export interface HistoryUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly totalTokens: number;
  /** In billionths of the currency. Whole numbers add up exactly on every database. */
  readonly priceNanos: number;
  /** ISO 4217 code; empty if there is no price. */
  readonly currency: string;
}

export interface HistoryError {
  /** A chat error code (`upstream-timeout`). Other code may record its own, such as an HTTP status as text. */
  readonly code: string;
  readonly message: string;
  /** Whether the answer had begun. */
  readonly phase: 'before-answer' | 'during-answer';
  /** The text that had arrived; empty if the answer had not begun. */
  readonly partialText: string;
}
