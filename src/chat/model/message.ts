import type { TurnOutcome, Usage } from './outcome';

export type MessageRole = 'user' | 'assistant' | 'tool';

/** One saved line of a session. Of a turn, both lines carry the question and the answer. */
export interface Message {
  readonly id: number;
  readonly documentId: string;
  readonly messageId: string;
  readonly role: MessageRole;
  readonly query: string;
  /** For the question of a turn, the answer it got so far. */
  readonly answer: string | null;
  readonly conversationId: string | null;
  readonly sessionId: string | null;
  readonly turnId: string | null;
  /** The character's documentId; null where the message has none. */
  readonly characterId: string | null;
  readonly status: 'sent' | 'read';
  readonly outcome: TurnOutcome | null;
  readonly errorCode: string | null;
  readonly toolCalls: unknown;
  readonly usage: Usage | null;
  readonly feedback: 'like' | 'dislike' | null;
  readonly parentMessageId: string | null;
  /** Whether something else was said in its place since: a question was edited before it. */
  readonly isSuperseded: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** About how much of a reply it makes. */
export function charsOf({ query, answer }: Message): number {
  return query.length + (answer?.length ?? 0);
}

/** What its owner notes on a message. */
export interface MessageMarks {
  readonly status?: Message['status'];
  readonly feedback?: Message['feedback'];
}

/** A line that is stored as it is given, beside those of turns. */
export interface NewMessage {
  readonly role: MessageRole;
  readonly content: string;
  readonly toolCalls: unknown;
}

/** A message by its `Message.id` or by its `message_id`. */
export type MessageReference = { readonly id: number } | { readonly messageId: string };

/** A question in other words, to be answered. */
export interface Revision {
  readonly content: string;
  /** As `Turns.send` takes it. */
  readonly idempotencyKey: string | undefined;
}
