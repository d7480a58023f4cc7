import type { Position } from '../model/store';

/** What an older version left to be named. First the records, then the numbers of those that no turn knows. */
export type Unnamed = { readonly records: readonly Position[] } | { readonly users: readonly FormerUser[] };

/** A number by which an older version named a user, and the records that have nothing but it. */
export interface FormerUser {
  readonly formerUserId: number;
  readonly records: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

/** Whose a record is: null where the main database does not know its turn. */
export interface Match {
  readonly position: Position;
  readonly userDocumentId: string | null;
}

/** A conversation that the user of a number erased. */
export interface FormerErasure {
  readonly formerUserId: number;
  readonly conversationId: string;
  readonly before: Date;
}

/**
 * Names the users of records that an older version saved: it knew them by the numbers of their rows, and an import gives
 * those to others. A record is in nobody's lists until it has an owner. Several processes may do so at the same time.
 */
export interface HistoryNaming {
  /** The next few; null where nothing is left. */
  listUnnamed(): Promise<Unnamed | null>;

  /** Gives these records to their owners, with the sums. One that its owner has erased since is deleted. */
  match(matches: readonly Match[]): Promise<void>;

  /**
   * Gives records without a turn to an owner, where turns prove whose the number was: all turns of the number are of one
   * user, and the record is not from before the first of them, nor from after the last one unless the user still has the
   * number. Or all turns of the number in its conversation are of one user.
   * @returns how many.
   */
  matchNumber(formerUserId: number, userOfToday: string | null): Promise<number>;

  /** Every number was looked at. */
  endNaming(): Promise<void>;

  /** The numbers of records that have no owner. */
  listFormerUsers(): Promise<readonly FormerUser[]>;

  /** Gives all records of a number that have no owner to this user. @returns how many. */
  assign(formerUserId: number, userDocumentId: string): Promise<number>;

  /** Erasures of conversations that name their user by number; none once everything is named. */
  listFormerErasures(after: FormerErasure | null, limit: number): Promise<readonly FormerErasure[]>;
}
