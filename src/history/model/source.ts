import type { ChatErrorCode } from '../../chat/errors';
import type { FinalOutcome, Usage } from '../../chat/model/outcome';
import type { Erasure } from './store';

/** A finished turn that the history does not have yet. */
export interface FinishedTurn {
  readonly turnId: string;
  /** The turn's own id if its session is deleted permanently. The turn is then a conversation of its own. */
  readonly sessionId: string;
  readonly userDocumentId: string;
  /** `documentId` of the character; null after the character is deleted. */
  readonly characterId: string | null;
  readonly query: string;
  readonly answer: string;
  readonly outcome: FinalOutcome;
  readonly errorCode: ChatErrorCode | null;
  readonly usage: Usage | null;
  /** Null if the character's upstream does not tell which model answers. */
  readonly model: string | null;
  /** From the question to the first text of the answer; null if it is unknown. */
  readonly firstTokenMs: number | null;
  readonly createdAt: Date;
  readonly endedAt: Date;
}

/** The work that the history writer has not done yet. */
export interface Backlog {
  /** Finished turns that wait, counted up to a limit. */
  readonly turns: number;
  readonly erasures: number;
  /** When the oldest of these turns finished; null if none waits. */
  readonly oldest: Date | null;
  /** Turns that the history has refused. `turns` does not include them. */
  readonly setAside: number;
}

/**
 * The main database, as the history writer uses it. The transaction that saves the end of a turn also marks the turn
 * as due. So no separate queue exists that could be lost.
 */
export interface HistorySource {
  /**
   * Returns some finished turns, oldest first. For a while, no other process gets them. Then the source gives out
   * again those that are not settled.
   */
  claimSome(limit: number): Promise<readonly FinishedTurn[]>;
  /** Marks turns as saved in the history of this identity. */
  settle(turnIds: readonly string[], identity: string): Promise<void>;
  /** Gives turns back that the history does not have. Any process may get them immediately. */
  release(turnIds: readonly string[]): Promise<void>;
  /** Sets aside a turn that the history refuses. Nothing is lost: the source gives it out again much later. */
  setAside(turnId: string): Promise<void>;
  /** Returns erasures by users that the history does not have yet, oldest first. */
  listErasures(limit: number): Promise<readonly (Erasure & { readonly id: number })[]>;
  /** Removes an erasure that the history has. Also removes every erasure of the same data up to an earlier time. */
  settleErasure(id: number): Promise<void>;
  backlog(): Promise<Backlog>;
  /**
   * Makes finished turns due that the history of this identity lacks. These are turns older than the history, and
   * imported turns that were copied to another history. Handles a few per call.
   * @returns whether more may remain.
   */
  makeMissingDue(identity: string): Promise<boolean>;
  /** Returns the documentIds of the users of turns. Leaves out turns and users that do not exist. */
  findTurnOwners(turnIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Returns the documentIds of the users of sessions in the same way. */
  findSessionOwners(sessionIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
}
