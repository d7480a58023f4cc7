import type { Core } from '@strapi/strapi';

import { createChat, parseChatSettings, type Chat } from './chat';
import { createCharacterSource } from './stores/character-source';
import { createMessageStore } from './stores/message-store';
import { createOwnDataStore } from './stores/own-data-store';
import { rememberCharacters } from './stores/remember-characters';
import { createSearchStore } from './stores/search-store';
import { createSessionStore } from './stores/session-store';
import { createTurnStore } from './stores/turn-store';
import { createUserCounters } from './stores/user-counters';

const chats = new WeakMap<Core.Strapi, Chat>();

/**
 * The chat of this Strapi, made once: where the core meets Strapi's database and log.
 * @throws SettingsError listing every problem with the settings.
 */
export function chatOf(strapi: Core.Strapi): Chat {
  const existing = chats.get(strapi);
  if (existing !== undefined) return existing;
  const settings = parseChatSettings(strapi.config.get('chat'));
  const chat = createChat({
    settings,
    turnStore: createTurnStore(strapi.db),
    messageStore: createMessageStore(strapi.db),
    sessionStore: createSessionStore(strapi.db),
    ownDataStore: createOwnDataStore(strapi.db),
    searchStore: createSearchStore(strapi.db),
    characters: rememberCharacters(
      createCharacterSource(strapi.db),
      strapi.db,
      settings.rememberCharactersMs,
    ),
    counters: createUserCounters(strapi.db, settings.limits),
    log: {
      info: (message) => strapi.log.info(message),
      warn: (message) => strapi.log.warn(message),
      error: (message) => strapi.log.error(message),
    },
  });
  chats.set(strapi, chat);
  return chat;
}
