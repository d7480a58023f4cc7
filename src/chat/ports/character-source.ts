import type { Character } from '../model/character';

/** Finds characters for turns and lists. Never returns drafts. */
export interface CharacterSource {
  /** Finds a character by `documentId` or `id`. Null if it is unknown, unpublished or disabled. */
  findPublished(reference: string): Promise<Character | null>;
  /** Finds characters for display, by `documentId`. An unpublished character has its ids, but no content. */
  findForDisplay(documentIds: readonly string[]): Promise<ReadonlyMap<string, Character>>;
}
