import type { Character, ListedCharacter } from '../model/character';

/** Finds characters for turns and lists. Never returns drafts. */
export interface CharacterSource {
  /** Finds a character by `documentId` or `id`. Null if it is unknown, unpublished or disabled. */
  findPublished(reference: string): Promise<Character | null>;
  /** Lists the published characters, oldest first. */
  listPublished(): Promise<readonly ListedCharacter[]>;
  /** Finds characters for display, by `documentId`. An unpublished character has its ids, but no content. */
  findForDisplay(documentIds: readonly string[]): Promise<ReadonlyMap<string, Character>>;
}
