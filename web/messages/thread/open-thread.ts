import type { Character } from 'character-chat-client';

import { characters, findCharacter } from '../../characters/store';
import { words } from '../../i18n';
import type { Thread } from './thread';

/** Returns the published character of a conversation, or null. */
export function characterOf({ session, characterId }: Thread): Character | null {
  return findCharacter(characterId ?? session.value?.ai_character?.documentId);
}

export function nameOf(thread: Thread): string {
  return (
    characterOf(thread)?.name ?? thread.session.value?.ai_character?.name ?? words.value.unknownCharacter
  );
}

/** Says whether the character of a conversation was unpublished or deleted. The conversation stays readable. */
export function isUnavailable(thread: Thread): boolean {
  const isKnown = characters.value !== null && !thread.isLoading.value;
  return isKnown && characterOf(thread) === null;
}

export const canAsk = (thread: Thread) => !isUnavailable(thread);
