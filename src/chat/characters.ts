/** Who answers, as users know it: the published version. */
export interface Character {
  /** The draft row's id. Messages link to it, because it stays the same across publishes. */
  readonly linkId: number;
  /** The published row's id, which clients see; it changes with every publish. Null while nothing is published. */
  readonly id: number | null;
  readonly documentId: string;
  readonly name: string | null;
  readonly prompt: string | null;
  readonly introduce: string | null;
  readonly openingStatement: string | null;
  readonly suggestedQuestions: unknown;
}

/** Where turns and lists find characters. Drafts never come through here. */
export interface CharacterSource {
  /** By documentId, or by the numeric id of either of its rows. Null when unknown or unpublished. */
  findPublished(reference: string): Promise<Character | null>;
  /** For display, by `linkId`. An unpublished character is there with its ids and nothing of its content. */
  findForDisplay(linkIds: readonly number[]): Promise<ReadonlyMap<number, Character>>;
  /** The same by `documentId`. */
  findByDocumentId(documentIds: readonly string[]): Promise<ReadonlyMap<string, Character>>;
}
