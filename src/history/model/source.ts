import type { ChatErrorCode } from '../../chat/errors';
import type { FinalOutcome, Usage } from '../../chat/model/outcome';
import type { Erasure } from './store';

/** A finished turn that the history does not have yet. */
export interface FinishedTurn {
  readonly turnId: string;
  /** Of a session that is gone for good: the turn's own id, as of a conversation of its own. */
  readonly sessionId: string;
  readonly userDocumentId: string;
  /** `documentId` of the character; null once it is deleted. */
  readonly characterId: string | null;
  readonly query: string;
  readonly answer: string;
  readonly outcome: FinalOutcome;
  readonly errorCode: ChatErrorCode | null;
  readonly usage: Usage | null;
  readonly createdAt: Date;
  readonly endedAt: Date;
}

/** How far the history is behind. */
export interface Backlog {
  /** Finished turns that wait, counted up to a bound. */
  readonly turns: number;
  readonly erasures: number;
  /** When the oldest of these turns finished; null where none waits. */
  readonly oldest: Date | null;
  /** Turns that the history has refused, and that are not counted above. */
  readonly setAside: number;
}

/**
 * The main database, as the writer of the history sees it. That a turn waits to be copied is saved with its end, in the
 * same transaction: there is no queue that could be lost.
 */
export interface HistorySource {
  /**
   * Some finished turns, oldest first. No other process is given them for a while; if they are not settled by then, they
   * are given out again.
   */
  claimSome(limit: number): Promise<readonly FinishedTurn[]>;
  /** The history of this identity has them. */
  settle(turnIds: readonly string[], identity: string): Promise<void>;
  /** It has not: they may be given out again at once. */
  release(turnIds: readonly string[]): Promise<void>;
  /** It refuses this one. Nothing is lost: it is given out again much later. */
  setAside(turnId: string): Promise<void>;
  /** What users have erased here and the history has not yet, oldest first. */
  listErasures(limit: number): Promise<readonly (Erasure & { readonly id: number })[]>;
  /** The history has it, and with it every erasure of the same that goes less far. */
  settleErasure(id: number): Promise<void>;
  backlog(): Promise<Backlog>;
  /**
   * Makes finished turns due that the history of this identity does not have: those of before there was one, and those
   * that were copied to another and came here by an import. A few at a time.
   * @returns whether there may be more.
   */
  makeMissingDue(identity: string): Promise<boolean>;
  /** The documentIds of the users of turns. A turn or user that does not exist is left out. */
  findTurnOwners(turnIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** The same of sessions. */
  findSessionOwners(sessionIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
}
