import type { Owner } from '../model/owner';
import type { Session, SessionReference } from '../model/session';
import type {
  SavedTurn,
  NewTurn,
  SentTurn,
  AbandonedTurn,
  Abandonment,
  TurnProgress,
  TurnEnding,
} from '../model/turn';

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
