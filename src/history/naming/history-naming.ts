import type { Position } from '../model/store';

/**
 * Data of an older version that has no named user yet. Records come first, then the numbers of records without a known
 * turn.
 */
export type Unnamed = { readonly records: readonly Position[] } | { readonly users: readonly FormerUser[] };

/** A number by which an older version named a user, and the records that have only this number. */
export interface FormerUser {
  readonly formerUserId: number;
  readonly records: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

/** The owner of a record; null if the main database does not know its turn. */
export interface Match {
  readonly position: Position;
  readonly userDocumentId: string | null;
}

/** A conversation that a user erased whom only a number names. */
export interface FormerErasure {
  readonly formerUserId: number;
  readonly conversationId: string;
  readonly before: Date;
}

/**
 * Names the users of records that an older version saved. It knew users by row id, and an import can give these
 * numbers to other users. No list shows a record until it has an owner. Several processes may do this at the same
 * time.
 */
export interface HistoryNaming {
  /** Returns the next few; null if nothing is left. */
  listUnnamed(): Promise<Unnamed | null>;

  /**
   * Gives these records to their owners, and adds them to the sums. Deletes a record that its owner has erased since.
   */
  match(matches: readonly Match[]): Promise<void>;

  /**
   * Gives records without a turn to an owner, if turns prove who had the number. All turns of the number must belong
   * to one user. The record must not be older than the first of them. It must not be newer than the last one, unless
   * the user still has the number. Alternatively, all turns of the number in the record's conversation belong to one
   * user.
   * @returns how many records.
   */
  matchNumber(formerUserId: number, userOfToday: string | null): Promise<number>;

  /** Ends naming after every number was checked. */
  endNaming(): Promise<void>;

  /** Returns the numbers of records that have no owner. */
  listFormerUsers(): Promise<readonly FormerUser[]>;

  /** Gives all records of a number that have no owner to this user. @returns how many. */
  assign(formerUserId: number, userDocumentId: string): Promise<number>;

  /** Returns erasures of conversations that name their user by number; none after naming has ended. */
  listFormerErasures(after: FormerErasure | null, limit: number): Promise<readonly FormerErasure[]>;
}
