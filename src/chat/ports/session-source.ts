/** Finds sessions for data outside the main database, which names them by their own id only. */
export interface SessionSource {
  /**
   * Returns the id of the newest session with this conversation of the upstream, also of a deleted one; null if none
   * exists.
   * @param userDocumentId the owner; null for any user.
   */
  findSessionId(conversationId: string, userDocumentId: string | null): Promise<string | null>;
}
