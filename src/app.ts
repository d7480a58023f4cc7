import type { Core } from '@strapi/strapi';

import { createProcessLock } from './strapi/startup/process-lock';
import { createChat, parseChatSettings, type Chat, type HistoryNaming, type HistoryStore } from './chat';
import { createCharacterSource } from './database/characters/source';
import { createHistorySource } from './database/history/source';
import { createSurvey, type SurveyMemory } from './database/history/survey';
import { createMessageStore } from './database/messages/store';
import { createOwnDataStore } from './database/users/own-data';
import type { ProcessLock } from './database/locks/process-lock';
import { createReader, type Reader } from './database/reader/reader';
import { rememberCharacters } from './database/characters/cache';
import { createSearchStore } from './database/messages/search';
import { createSessionStore } from './database/sessions/store';
import { createTurnStore } from './database/turns/store';
import { createUserCounters } from './database/users/counters';
import { createUserSource } from './database/users/source';

const chats = new WeakMap<Core.Strapi, Chat>();
const locks = new WeakMap<Core.Strapi, ProcessLock>();
const readers = new WeakMap<Core.Strapi, Reader>();
const historyStores = new WeakMap<Core.Strapi, HistoryStore & HistoryNaming>();

/** Has finished generations copied there. Before the first `chatOf`; without it nothing is copied. */
export function keepHistoryIn(strapi: Core.Strapi, store: HistoryStore & HistoryNaming): void {
  historyStores.set(strapi, store);
}

/** Undefined where there is no history. */
export function historyStoreOf(strapi: Core.Strapi): (HistoryStore & HistoryNaming) | undefined {
  return historyStores.get(strapi);
}

/** The lock by which other processes see that this one lives. Only a process that serves requests takes it. */
export function processLockOf(strapi: Core.Strapi): ProcessLock {
  const existing = locks.get(strapi);
  if (existing !== undefined) return existing;
  const lock = createProcessLock(strapi);
  locks.set(strapi, lock);
  return lock;
}

/** Ends what is being read. Before the database is closed. */
export async function stopReading(strapi: Core.Strapi): Promise<void> {
  await readers.get(strapi)?.close();
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
  const reader = createReader(strapi.db, settings.reads);
  readers.set(strapi, reader);
  const chat = createChat({
    settings,
    turnStore: createTurnStore(strapi.db, processLockOf(strapi)),
    messageStore: createMessageStore(strapi.db, reader),
    sessionStore: createSessionStore(strapi.db, reader),
    ownDataStore: createOwnDataStore(strapi.db, reader),
    searchStore: createSearchStore(strapi.db, reader),
    characters: rememberCharacters(
      createCharacterSource(strapi.db),
      strapi.db,
      settings.rememberCharactersMs,
    ),
    users: createUserSource(strapi.db),
    counters: createUserCounters(strapi.db, settings.limits),
    ...(historyStore !== undefined && {
      history: {
        source: createHistorySource(strapi.db, createSurvey(strapi.db, surveyMemoryOf(strapi))),
        store: historyStore,
      },
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

function surveyMemoryOf(strapi: Core.Strapi): SurveyMemory {
  const store = strapi.store({ type: 'core', name: 'character-chat' });
  const key = 'history-survey';
  return {
    read: () => store.get({ key }),
    write: async (value) => void (await store.set({ key, value })),
  };
}
