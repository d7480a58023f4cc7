import type { ChatErrorCode } from '../errors';
import type { Idempotency } from '../turn/idempotency';
import type { Owner } from '../model/owner';
import type { Session, SessionReference } from '../model/session';
import type { FinalOutcome, SavedTurn, Usage } from '../model/turn-event';

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

/** Where turns are kept. Each call happens whole or not at all, and is saved when it settles. */
export interface TurnStore {
  /** The owner's session, or null: what is not theirs does not exist, nor does what they deleted. */
  findSession(owner: Owner, reference: SessionReference): Promise<Session | null>;

  /**
   * Saves the question and the pending answer, claims the session for this turn, and marks what it supersedes there.
   * @returns false, and nothing is saved, where the session's conversation or character is no longer what was read.
   * @throws ChatError `turn-in-progress` when the session is claimed already, with its `turn_id` as detail. Throws as well
   *   when the owner has used the idempotency key before.
   */
  open(turn: NewTurn): Promise<boolean>;

  /** The turn the owner began with this idempotency key, and what was asked; or null. */
  findSent(owner: Owner, key: string): Promise<SentTurn | null>;

  /** Saves the answer so far. Does nothing to a turn that has ended. */
  checkpoint(turnId: string, progress: TurnProgress): Promise<void>;

  /** Saves Dify's conversation on all of a turn, its session included: from now on clients know it and continue by it. */
  identify(turnId: string, conversationId: string): Promise<void>;

  /**
   * Saves Dify's conversation on the session of a turn that has let it go, so that the next question goes on there. Not
   * where the session has got another one since, or is just being answered.
   */
  continueIn(turnId: string, conversationId: string): Promise<void>;

  /** Whether a message of anybody's has this `message_id`. */
  hasMessage(messageId: string): Promise<boolean>;

  /**
   * Whether another pending turn asks the same words in the same place, and does not know its message at Dify yet: what
   * is found there by its words may be that one's.
   */
  hasTwin(turnId: string): Promise<boolean>;

  /** Says that these turns are still alive, so that `claimAbandoned` leaves them be. */
  keepAlive(turnIds: readonly string[]): Promise<void>;

  /** The owner's turn, or null: what is not theirs does not exist, nor does what is deleted. */
  find(owner: Owner, turnId: string): Promise<SavedTurn | null>;

  /**
   * Notes that a pending turn is to be stopped, for the process that runs it: whichever way it then ends, it is saved
   * as `stopped`.
   * @returns Dify's task id, if known by now.
   */
  requestStop(turnId: string): Promise<string | null>;

  /**
   * Saves the end and frees the session. The first end counts: a later one changes nothing and returns the saved rows.
   * @throws ChatError `turn-not-found` when they were erased meanwhile.
   */
  close(turnId: string, ending: TurnEnding): Promise<SavedTurn>;

  /**
   * Takes over the pending turns that nobody answers any more, and frees their sessions at once. The turns count as alive
   * from now on, and no other process is given them meanwhile. With a lease, frees the sessions too whose answer an admin
   * has deleted.
   */
  claimAbandoned(abandonment: Abandonment): Promise<readonly AbandonedTurn[]>;
}
