import type { AnswerFile, QuestionFile } from './file';
import type { TurnOutcome, Usage } from './outcome';

export const messageRoles = ['user', 'assistant', 'tool'] as const;

export type MessageRole = (typeof messageRoles)[number];

export const messageStatuses = ['sent', 'read'] as const;
export const ratings = ['like', 'dislike'] as const;

/** One saved line of a session. Both lines of a turn hold the question and the answer. */
export interface Message {
  readonly id: number;
  readonly documentId: string;
  readonly messageId: string;
  readonly role: MessageRole;
  readonly query: string;
  /** In the question line of a turn: the answer so far. */
  readonly answer: string | null;
  readonly conversationId: string | null;
  readonly sessionId: string | null;
  readonly turnId: string | null;
  /** The character's documentId; null if the message has no character. */
  readonly characterId: string | null;
  readonly status: (typeof messageStatuses)[number];
  readonly outcome: TurnOutcome | null;
  readonly errorCode: string | null;
  readonly toolCalls: unknown;
  /** Of a question. */
  readonly files: readonly QuestionFile[];
  readonly answerFiles: readonly AnswerFile[];
  readonly usage: Usage | null;
  readonly feedback: (typeof ratings)[number] | null;
  readonly parentMessageId: string | null;
  /** Whether an edit has replaced this message, or has changed a question before it. */
  readonly isSuperseded: boolean;
  /** The upstream that answered the turn. No reply contains it. See `upstreamIdOf`. */
  readonly upstreamId: string | null;
  /** In an answer line: whether the upstream did not know the earlier exchanges of the session. */
  readonly isThreadRestarted: boolean;
  /** In an answer line: whether the upstream has taken back a text that clients had, and has sent another one. */
  readonly isTakenBack: boolean;
  /**
   * In an answer line: the id of the last event that the saved text contains, or of the terminal event after the end.
   * Null before the first checkpoint, and if it is unknown.
   */
  readonly lastEventId: number | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Returns the approximate length of the message in a reply, in characters. */
export function charsOf({ query, answer }: Message): number {
  return query.length + (answer?.length ?? 0);
}

/** Marks that the owner sets on a message. */
export interface MessageMarks {
  readonly status?: Message['status'];
  readonly feedback?: Message['feedback'];
}

/** A line that a client adds to a session. It belongs to no turn. */
export interface NewMessage {
  readonly role: MessageRole;
  readonly content: string;
  readonly toolCalls: unknown;
}

/** Identifies a message by its `Message.id` or by its `message_id`. */
export type MessageReference = { readonly id: number } | { readonly messageId: string };

/** New words for a question that the character must answer again. */
export interface Revision {
  readonly content: string;
  /** Undefined: the files of the old question. */
  readonly files?: readonly QuestionFile[];
  /** See `Turns.send`. */
  readonly idempotencyKey: string | undefined;
  /** The id of the last event that the client has of a revision that it sends again. */
  readonly after?: number;
}
