import type { MessageReference } from '../../model/message';
import type { Owner } from '../../model/owner';

/**
 * Finds ids and documentIds of existing users. Data outside the main database names a user by documentId. The reason is
 * that an import can give a user's row id to another user.
 */
export interface UserSource {
  /** Leaves out users that do not exist. */
  findDocumentIds(ids: readonly number[]): Promise<ReadonlyMap<number, string>>;
  findIds(documentIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

/** Finds the users for whom other code of this server calls the chat. Deleted sessions and messages have no owner. */
export interface OwnerSource {
  /** @param reference the numeric id or the documentId of a user. */
  find(reference: string): Promise<Owner | null>;
  /** @param id the id of a session, or the upstream's id of its conversation. */
  findOfSession(id: string): Promise<Owner | null>;
  findOfMessage(reference: MessageReference): Promise<Owner | null>;
}
