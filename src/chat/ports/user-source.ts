/**
 * Finds ids and documentIds of existing users. Data outside the main database names a user by documentId. The reason is
 * that an import can give a user's row id to another user.
 */
export interface UserSource {
  /** Leaves out users that do not exist. */
  findDocumentIds(ids: readonly number[]): Promise<ReadonlyMap<number, string>>;
  findIds(documentIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
}
