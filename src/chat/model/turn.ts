import type { Owner } from './owner';
import type { Session } from './session';
import type { Idempotency } from './question';
import type { FinalOutcome, Usage } from './outcome';
import type { ChatErrorCode } from '../errors';
import type { Message } from './message';

/** A turn about to be saved, before Dify hears of it. */
export interface NewTurn {
  readonly turnId: string;
  readonly owner: Owner;
  /** The session it continues, or the one it begins. */
  readonly session: Session | NewSession;
  /** The character's documentId. */
  readonly characterId: string;
  readonly query: string;
  readonly questionMessageId: string;
  readonly answerMessageId: string;
  readonly createdAt: Date;
  /** Of a question that is asked again: the `message_id` of the one it repeats. */
  readonly regenerates: string | null;
  /** The `Message.id` of the question in whose place it is asked: from that one on, its session is superseded. */
  readonly supersedes: number | null;
  /** Kept with the question, for good; null where the client gave no key. */
  readonly idempotency: Idempotency | null;
}

/** What is known of an earlier send. */
export interface SentTurn {
  readonly turnId: string;
  readonly fingerprint: string;
}

/** A pending turn nobody answers any more, as far as it is saved. */
export interface AbandonedTurn {
  readonly turnId: string;
  /** Null once its user is deleted. */
  readonly ownerDocumentId: string | null;
  readonly query: string;
  readonly createdAt: Date;
  readonly answer: string;
  /** Dify's ids, as far as they were known. */
  readonly messageId: string | undefined;
  readonly conversationId: string | null;
}

/** Which pending turns count as abandoned. */
export interface Abandonment {
  /** Those of which nobody has said for so long that they are alive; null: only those whose process is known to be dead. */
  readonly leaseMs: number | null;
  /** At its start a process waits until it is certain who is dead, and lets be who is known to live. */
  readonly isStart: boolean;
}

export interface NewSession {
  readonly rowId: null;
  readonly sessionId: string;
  readonly conversationId: null;
  readonly characterId: string;
  readonly title: string;
}

/** What is known of a running answer. */
export interface TurnProgress {
  readonly answer: string;
  /** Dify's ids, once known; `taskId` is what its stop call takes. */
  readonly taskId: string | undefined;
  readonly messageId: string | undefined;
  readonly conversationId: string | undefined;
}

export interface TurnEnding extends TurnProgress {
  readonly outcome: FinalOutcome;
  readonly errorCode: ChatErrorCode | null;
  readonly usage: Usage | null;
}

/** The two saved lines of a turn: the question, then the answer. */
export type SavedTurn = readonly [question: Message, answer: Message];
