import type { Core } from '@strapi/strapi';

import { createChat, parseChatSettings, type Chat, type HistoryStore } from './chat';
import { createCharacterSource } from './stores/character-source';
import { createHistorySource } from './stores/history-source';
import { createMessageStore } from './stores/message-store';
import { createOwnDataStore } from './stores/own-data-store';
import { createSearchStore } from './stores/search-store';
import { createSessionStore } from './stores/session-store';
import { createTurnStore } from './stores/turn-store';
import { createUserCounters } from './stores/user-counters';

const chats = new WeakMap<Core.Strapi, Chat>();
const historyStores = new WeakMap<Core.Strapi, HistoryStore>();

/** Has finished generations copied there. Before the first `chatOf`; without it nothing is copied. */
export function keepHistoryIn(strapi: Core.Strapi, store: HistoryStore): void {
  historyStores.set(strapi, store);
}

/** Undefined where there is no history. */
export function historyStoreOf(strapi: Core.Strapi): HistoryStore | undefined {
  return historyStores.get(strapi);
}

/**
 * The chat of this Strapi, made once: where the core meets Strapi's database and log.
 * @throws SettingsError listing every problem with the settings.
 */
export function chatOf(strapi: Core.Strapi): Chat {
  const existing = chats.get(strapi);
  if (existing !== undefined) return existing;
  const settings = parseChatSettings(strapi.config.get('chat'));
  const historyStore = historyStoreOf(strapi);
  const chat = createChat({
    settings,
    turnStore: createTurnStore(strapi.db),
    messageStore: createMessageStore(strapi.db),
    sessionStore: createSessionStore(strapi.db),
    ownDataStore: createOwnDataStore(strapi.db),
    searchStore: createSearchStore(strapi.db),
    characters: createCharacterSource(strapi.db),
    counters: createUserCounters(strapi.db, settings.limits),
    ...(historyStore !== undefined && {
      history: { source: createHistorySource(strapi.db), store: historyStore },
    }),
    log: {
      info: (message) => strapi.log.info(message),
      warn: (message) => strapi.log.warn(message),
      error: (message) => strapi.log.error(message),
    },
  });
  chats.set(strapi, chat);
  return chat;
}
