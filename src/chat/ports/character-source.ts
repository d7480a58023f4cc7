import type { Character, ListedCharacter } from '../model/character';

/**
 * Finds characters for turns and lists. Never returns drafts. `locale` is the wished locale of the texts. Without it, or
 * without published texts in it, they are those of the default locale. The prompt is the same in every locale.
 */
export interface CharacterSource {
  /** Finds a character by `documentId` or `id`. Null if it is unknown, unpublished or disabled. */
  findPublished(reference: string, locale?: string | null): Promise<Character | null>;
  /** Lists the published characters, oldest first. @param documentId lists only this one. */
  listPublished(documentId?: string): Promise<readonly ListedCharacter[]>;
  /** Finds characters for display, by `documentId`. An unpublished character has its ids, but no content. */
  findForDisplay(
    documentIds: readonly string[],
    locale?: string | null,
  ): Promise<ReadonlyMap<string, Character>>;
}
