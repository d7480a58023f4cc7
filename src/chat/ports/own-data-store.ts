import type { Owner } from '../model/owner';
import type { After } from '../shared/walk';
import type { SessionEntry } from '../model/session';
import type { Message } from '../model/message';

/** How much was erased. */
export interface Erased {
  readonly sessions: number;
  readonly messages: number;
}

/** By id here, by documentId outside of the main database. */
export type UserOfData = Pick<Owner, 'id' | 'documentId'>;

/** All that is kept of a user's. Each method is short: what is large is done bit by bit. */
export interface OwnDataStore {
  /** By age. What is deleted does not exist. */
  listSessionsAfter(owner: Owner, after: After): Promise<readonly SessionEntry[]>;
  listMessagesAfter(owner: Owner, after: After): Promise<readonly Message[]>;
  /** The turns of this user's that are being answered, in whichever process. */
  findLiveTurns(userId: number): Promise<readonly string[]>;
  /**
   * Erases `limit` of the user's messages, deleted ones too; once there are none, of the sessions. In the same transaction
   * it notes that the history is to forget the user too, whether or not anything was left here.
   */
  eraseSome(user: UserOfData, limit: number): Promise<Erased>;
  /** Erases `limit` entries of anybody's that were deleted before this time. */
  purgeSome(deletedBefore: Date, limit: number): Promise<Erased>;
}
