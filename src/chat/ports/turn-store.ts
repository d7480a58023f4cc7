import type { Owner } from '../model/owner';
import type { Exchange } from './upstream';
import type { Session, SessionReference } from '../model/session';
import type {
  SavedTurn,
  NewTurn,
  SentTurn,
  AbandonedTurn,
  Abandonment,
  Checkpoint,
  TurnEnding,
} from '../model/turn';

/** Stores turns. Each call is atomic, and its changes are saved when it settles. */
export interface TurnStore {
  /** Returns the owner's session; null if it is unknown, deleted or another user's. */
  findSession(owner: Owner, reference: SessionReference): Promise<Session | null>;

  /**
   * Saves the question and the pending answer, claims the session for this turn, and marks the lines it supersedes.
   * @returns false if the session's conversation, upstream or character has changed since it was read, or if another
   *   session of the owner has got the name of this new one. Then nothing is saved.
   * @throws ChatError `turn-in-progress` if the session is already claimed, with the other `turn_id` in its details.
   *   Also throws if the owner has used the idempotency key before.
   */
  open(turn: NewTurn): Promise<boolean>;

  /** Returns the turn that the owner started with this idempotency key, and its fingerprint; or null. */
  findSent(owner: Owner, key: string): Promise<SentTurn | null>;

  /** Returns the owner's newest turn whose idempotency key begins with this; null if it is deleted or unknown. */
  findNewestSent(owner: Owner, keyStart: string): Promise<SavedTurn | null>;

  /**
   * Saves the answer so far. Does nothing to a turn that has ended, or that another process has taken over.
   * @returns whether the turn must end: another process has noted a stop or has taken the turn over, or the rows are
   *   erased or have ended.
   */
  checkpoint(turnId: string, progress: Checkpoint): Promise<boolean>;

  /** Returns whether another process has taken the turn over since it was opened. */
  isTakenOver(turnId: string): Promise<boolean>;

  /**
   * Saves the upstream's conversation on the lines and the session of a turn. Clients can continue by it from now on.
   * @returns whether the turn has a line that is not deleted.
   */
  identify(turnId: string, conversationId: string): Promise<boolean>;

  /**
   * Saves the upstream's conversation on the session of a turn that no longer claims it. The next question then
   * continues there. Does nothing if the session has got another conversation, is being answered, or has lost its
   * conversation by its deletion.
   */
  continueIn(turnId: string, conversationId: string): Promise<void>;

  /** Returns the `Message.id` of the owner's message; null if it is unknown or deleted. */
  findMessageId(owner: Owner, messageId: string): Promise<number | null>;

  /** Returns whether a message of any user has this `message_id`. */
  hasMessage(messageId: string): Promise<boolean>;

  /**
   * Returns whether another pending turn of the user asks the same words in the same conversation. It counts only if
   * it has no message id of the upstream yet. A message that is found in the upstream by its words may belong to
   * that turn.
   */
  hasTwin(turnId: string): Promise<boolean>;

  /**
   * Reports these turns as alive, so that `claimAbandoned` skips them. Does nothing to a turn that another process has
   * taken over.
   * @param takenIds turns that this process has taken over.
   * @returns those that must end: see `checkpoint`.
   */
  keepAlive(turnIds: readonly string[], takenIds?: readonly string[]): Promise<readonly string[]>;

  /**
   * Reads the earlier exchanges of a turn's session, newest first. Leaves out superseded, deleted and empty ones, and
   * lines that a client has added.
   */
  readEarlier(turn: NewTurn): AsyncIterable<Exchange>;

  /**
   * Saves which answer a turn follows in the upstream, so that operators can compare it with the upstream.
   * @param conversationId null if the upstream begins a new conversation.
   * @returns the upstream's id of that answer: the newest one of the branch in use in this conversation that the
   *   upstream has saved. Null if there is none.
   */
  saveParent(turn: NewTurn, conversationId: string | null): Promise<string | null>;

  /** Returns the owner's turn; null if it is unknown, deleted or another user's. */
  find(owner: Owner, turnId: string): Promise<SavedTurn | null>;

  /**
   * Notes a stop on a pending turn, for the process that runs it. The turn is then saved as `stopped`, however it
   * ends.
   * @returns the upstream's task id, or null if it is not known yet.
   */
  requestStop(turnId: string): Promise<string | null>;

  /**
   * Saves the end and frees the session. A repeat without a text gives its place back: see `NewTurn.isRepeat`. The first end counts: a later one changes nothing and returns the saved
   * rows. The same applies if another process has taken the turn over. Its rows may then be pending.
   * @param takeovers see `AbandonedTurn`. 0 for the process that has opened the turn.
   * @throws ChatError `turn-not-found` if the rows were erased in the meantime.
   */
  close(turnId: string, ending: TurnEnding, takeovers?: number): Promise<SavedTurn>;

  /**
   * Takes over the pending turns that no process answers any more, and frees their sessions immediately. The turns
   * then count as alive, so no other process gets them. With a lease, also frees sessions whose pending answer an
   * admin has deleted.
   */
  claimAbandoned(abandonment: Abandonment): Promise<readonly AbandonedTurn[]>;
}
