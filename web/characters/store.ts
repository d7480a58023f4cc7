import { signal } from '@preact/signals';
import type { Character } from 'character-chat-client';

import { client } from '../platform/client';

/** The published characters. Null while they are loading. */
export const characters = signal<readonly Character[] | null>(null);

/** The character of a conversation that has no question yet. */
export const chosenCharacter = signal<Character | null>(null);

export async function loadCharacters(): Promise<void> {
  const found: Character[] = [];
  for await (const character of client.characters.list({
    withAvatar: true,
    sort: 'name:asc',
    pageSize: 100,
  })) {
    found.push(character);
  }
  characters.value = found;
}

/** Returns a published character, or null. */
export function findCharacter(documentId: string | undefined): Character | null {
  return characters.value?.find((character) => character.documentId === documentId) ?? null;
}

/** Editors write these questions as JSON of any shape. */
export function suggestionsOf({ suggested_questions: questions }: Character): readonly string[] {
  return Array.isArray(questions)
    ? questions.filter((question): question is string => typeof question === 'string')
    : [];
}
