import type { Owner, PersonalToken } from '../model/owner';
import type { After } from '../shared/walk';
import type { SessionEntry } from '../model/session';
import type { Message } from '../model/message';

/** How many entries were erased. */
export interface Erased {
  readonly sessions: number;
  readonly messages: number;
}

/** The main database names a user by id. Everything outside of it names a user by documentId. */
export type UserOfData = Pick<Owner, 'id' | 'documentId'>;

/** All stored data of a user. Each method is short, because large work is done in batches. */
export interface OwnDataStore {
  /** Lists sessions by age, without deleted ones. */
  listSessionsAfter(owner: Owner, after: After): Promise<readonly SessionEntry[]>;
  listMessagesAfter(owner: Owner, after: After): Promise<readonly Message[]>;
  /** Lists the personal tokens that have not expired, oldest first. */
  listTokens(owner: Owner): Promise<readonly PersonalToken[]>;
  /** Returns the running turns of a user, in all processes. */
  findLiveTurns(userId: number): Promise<readonly string[]>;
  /**
   * Erases at most `limit` messages of the user, including deleted ones. If no messages are left, erases sessions. In
   * the same transaction, it notes that the history must erase the user, too, even if nothing was left here.
   */
  eraseSome(user: UserOfData, limit: number): Promise<Erased>;
  /** Erases at most `limit` entries, of all users, that were deleted before this time. */
  purgeSome(deletedBefore: Date, limit: number): Promise<Erased>;
}
