import { defaultChoice, type Character } from '../../../src/chat/model/character';
import type { CharacterSource } from '../../../src/chat/ports/character-source';

/** Creates a source of characters in memory. It shows only the ids of unpublished characters. */
export function createMemoryCharacters(
  published: readonly Character[],
  unpublished: readonly Character[] = [],
): CharacterSource {
  const shown = [...published, ...unpublished.map(withoutContent)];
  return {
    async findPublished(reference) {
      const named = ({ id, documentId }: Character) => [documentId, String(id)].includes(reference);
      return published.find(named) ?? null;
    },
    async listPublished(only) {
      const listed = published.filter(({ documentId }) => only === undefined || documentId === only);
      return listed.map(({ documentId, name }) => ({ documentId, name, createdAt: new Date(0) }));
    },
    async findForDisplay(documentIds) {
      const found = shown.filter(({ documentId }) => documentIds.includes(documentId));
      return new Map(found.map((character) => [character.documentId, character]));
    },
  };
}

function withoutContent({ documentId, id }: Character): Character {
  const nothing = {
    name: null,
    prompt: null,
    introduce: null,
    openingStatement: null,
    suggestedQuestions: null,
    upstream: defaultChoice,
    version: null,
  };
  return { documentId, id, ...nothing };
}
