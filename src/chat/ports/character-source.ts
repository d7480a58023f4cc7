import type { Character } from '../model/character';

/** Where turns and lists find characters. Drafts never come through here. */
export interface CharacterSource {
  /** By `documentId` or `id`. Null when unknown or unpublished. */
  findPublished(reference: string): Promise<Character | null>;
  /** For display, by `documentId`. An unpublished character is there with its ids and nothing of its content. */
  findForDisplay(documentIds: readonly string[]): Promise<ReadonlyMap<string, Character>>;
}
