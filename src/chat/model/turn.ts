import type { AnswerFile, QuestionFile } from './file';
import type { Owner } from './owner';
import type { OtherThreads, Session } from './session';
import type { Idempotency } from './question';
import type { FinalOutcome, Usage } from './outcome';
import type { ChatErrorCode } from '../errors';
import type { Message } from './message';

/** A turn before it is saved. The upstream gets the question only after that. */
export interface NewTurn {
  readonly turnId: string;
  readonly owner: Owner;
  /** The session that the turn continues or starts. */
  readonly session: Session | NewSession;
  readonly thread: Thread;
  /** The character's documentId. */
  readonly characterId: string;
  /** See `Character.version`. */
  readonly characterVersion: number | null;
  readonly query: string;
  readonly files: readonly QuestionFile[];
  readonly questionMessageId: string;
  readonly answerMessageId: string;
  readonly createdAt: Date;
  /** The `message_id` of the question that this one repeats, or null. */
  readonly regenerates: string | null;
  /**
   * The `Message.id` of the question that this one replaces, or null. All lines from that one on become superseded.
   */
  readonly supersedes: number | null;
  /**
   * Whether the question repeats the words of the one that it replaces. If such a turn ends early without a text, it is
   * superseded itself, and those lines are in use again.
   */
  readonly isRepeat: boolean;
  /** Saved with the question permanently; null if the client sent no key. */
  readonly idempotency: Idempotency | null;
}

/** An earlier send with the same idempotency key. */
export interface SentTurn {
  readonly turnId: string;
  readonly fingerprint: string;
}

/** A pending turn that no process answers any more, with its saved data. */
export interface AbandonedTurn {
  readonly turnId: string;
  /** Null if the user is deleted. */
  readonly ownerDocumentId: string | null;
  readonly query: string;
  readonly createdAt: Date;
  readonly answer: string;
  /** The upstream's ids, if they were known. */
  readonly messageId: string | undefined;
  readonly conversationId: string | null;
  /** See `upstreamIdOf`. */
  readonly upstreamId: string | null;
  /** How often the turn was taken over, this time included. Only the latest taker can write to the turn. */
  readonly takeovers: number;
}

/** Decides which pending turns count as abandoned. */
export interface Abandonment {
  /**
   * Turns of dead processes count. Turns that no process has reported as alive for this long count, too.
   * Null: only turns of processes that are certainly dead.
   */
  readonly leaseMs: number | null;
  /** At its start, a process waits until it knows which processes are dead. It skips turns of living processes. */
  readonly isStart: boolean;
}

/** Where a turn is answered. */
export interface Thread {
  /** See `NamedUpstream.id`. */
  readonly upstreamId: string;
  /** The model, for the history; null if it is unknown. */
  readonly model: string | null;
  /** The upstream's conversation, which the question continues. Null begins one. */
  readonly conversationId: string | null;
  /** The session's conversations in other upstreams. */
  readonly otherThreads: OtherThreads;
  /** Whether the upstream does not know the earlier exchanges of the session. */
  readonly isRestarted: boolean;
}

export interface NewSession {
  readonly rowId: null;
  readonly sessionId: string;
  readonly conversationId: null;
  readonly upstreamId: null;
  readonly otherThreads: OtherThreads;
  readonly characterId: string;
  readonly title: string;
  /** The name by which a client asks for the session. Undefined for none. */
  readonly chatName?: string | undefined;
}

/** The current state of a running answer. */
export interface TurnProgress {
  readonly answer: string;
  /** The upstream's ids, once they are known. Its stop call needs the `taskId`. */
  readonly taskId: string | undefined;
  readonly messageId: string | undefined;
  readonly conversationId: string | undefined;
}

/** The saved state of a running answer. */
export interface Checkpoint extends TurnProgress {
  /** The id of the last event that `answer` contains. In a `TurnEnding`: of the terminal event. */
  readonly lastEventId: number;
  /** Whether the upstream has taken back a text that clients had. Once it is saved, it stays. */
  readonly isTakenBack: boolean;
}

export interface TurnEnding extends Checkpoint {
  readonly outcome: FinalOutcome;
  readonly errorCode: ChatErrorCode | null;
  readonly usage: Usage | null;
  /** Empty keeps files that are saved already. */
  readonly files: readonly AnswerFile[];
  /** Whether the upstream had lost the conversation, so that the turn continued in a new one. */
  readonly isThreadRestarted: boolean;
  /** From the question to the first text of the answer. Null if none arrived, or if another process has read it. */
  readonly firstTokenMs: number | null;
  /** The upstream's own sentence about its error, for operators. */
  readonly errorDetail: string | null;
}

/** The two saved lines of a turn: the question, then the answer. */
export type SavedTurn = readonly [question: Message, answer: Message];
