/**
 * The users of today. Whatever is kept outside the main database names a user by documentId: the id is the number of a
 * row, which an import gives to others.
 */
export interface UserSource {
  /** Users that do not exist are left out. */
  findDocumentIds(ids: readonly number[]): Promise<ReadonlyMap<number, string>>;
  findIds(documentIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
}
