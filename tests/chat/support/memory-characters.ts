import type { Character, CharacterSource } from '../../../src/chat/characters';

/** Characters kept in memory. One without an `id` is not published. */
export function createMemoryCharacters(characters: readonly Character[]): CharacterSource {
  return {
    async findPublished(reference) {
      const found = characters.find(({ linkId, id, documentId }) =>
        [documentId, String(linkId), String(id)].includes(reference),
      );
      return found === undefined || found.id === null ? null : found;
    },
    async findForDisplay(linkIds) {
      const found = characters.filter(({ linkId }) => linkIds.includes(linkId));
      return new Map(found.map((character) => [character.linkId, forDisplay(character)]));
    },
    async findByDocumentId(documentIds) {
      const found = characters.filter(({ documentId }) => documentIds.includes(documentId));
      return new Map(found.map((character) => [character.documentId, forDisplay(character)]));
    },
  };
}

function forDisplay(character: Character): Character {
  if (character.id !== null) return character;
  const { linkId, id, documentId } = character;
  const nothing = {
    name: null,
    prompt: null,
    introduce: null,
    openingStatement: null,
    suggestedQuestions: null,
  };
  return { linkId, id, documentId, ...nothing };
}
