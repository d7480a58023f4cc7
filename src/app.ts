import { EventEmitter } from 'node:events';

import type { Core } from '@strapi/strapi';

import {
  createChat,
  alone,
  noSharedPlaces,
  parseChatSettings,
  type CharacterSource,
  type Chat,
  type NodeBus,
  type Nodes,
  type SharedPlaces,
  type Upstreams,
} from './chat';
import { createAuditLog, type AuditLog } from './database/audit/audit';
import { cacheCharacters } from './database/characters/cache';
import { createKeySeal } from './database/characters/key-seal';
import { createReadPublished, createReadPublishedVersion } from './database/characters/published';
import { createCharacterSource } from './database/characters/source';
import { createConversations, type Conversations } from './database/conversations/conversations';
import { createFileStore } from './database/files/store';
import { createHistorySource } from './database/history/source';
import { createSurvey, type SurveyMemory } from './database/history/survey';
import { createProcessLock } from './database/locks/create-process-lock';
import type { ProcessLock } from './database/locks/process-lock';
import { createRatingSource } from './database/messages/ratings';
import { createMessageStore } from './database/messages/store';
import { createSearchStore } from './database/messages/search';
import { shareChanges } from './database/cache/share-changes';
import { createReader } from './database/reader/reader';
import { createSessionSource } from './database/sessions/source';
import { createSessionStore } from './database/sessions/store';
import { createUnneededConversations } from './database/sessions/unneeded-conversations';
import { createComparisonStore } from './database/trials/comparisons';
import { createTrialStore } from './database/trials/store';
import { createUpstreamKeys } from './database/upstreams/keys';
import { createLoginAttempts } from './database/upstreams/login-attempts';
import { createTurnStore } from './database/turns/store';
import { createUserCounters } from './database/users/counters';
import { createOwnDataStore } from './database/users/own-data';
import { createOwnerSource } from './database/users/owners';
import { createUserSource } from './database/users/source';
import { createChannels } from './database/redis/channels';
import { createRedis, type Redis } from './database/redis/connection';
import { createHeartbeats, type Heartbeats } from './database/redis/heartbeats';
import { createLiveEvents } from './database/redis/live-events';
import { createNodeBus } from './database/redis/node-bus';
import { createSharedPlaces } from './database/redis/places';
import { createHistory, type History, type HistoryNaming, type HistoryStore } from './history';
import { createUpstreamCheck, type UpstreamCheck } from './upstream/check';
import { createUpstreams } from './upstream/upstreams';

/** Finished messages by a column of their rows: both lines of a turn, or the line that a client has added. */
export type FinishedMessages = { readonly turn_id: string } | { readonly message_id: string };

/** The parts of one Strapi instance, made once. Chat, history, upstream and database meet only here. */
interface App {
  readonly chat: Chat;
  /** Null if the settings name no Redis. */
  readonly redis: Redis | null;
  readonly nodes: Nodes;
  /** Places over all nodes. */
  readonly places: SharedPlaces;
  readonly characters: CharacterSource;
  readonly history: History;
  /** Only a process that serves requests takes this lock. It shows other processes that this one is alive. */
  readonly processLock: ProcessLock;
  readonly upstreamCheck: UpstreamCheck;
  /** What administrators read of all users. */
  readonly conversations: Conversations;
  readonly audit: AuditLog;
  readonly upstreams: Upstreams;
  readonly messages: EventEmitter<{ finished: [FinishedMessages] }>;
  /** Stops the running reads. The caller must call it before it closes the database. */
  stopReading(): Promise<void>;
}

type Store = HistoryStore & HistoryNaming;

const apps = new WeakMap<Core.Strapi, App>();
const historyStores = new WeakMap<Core.Strapi, Store>();

/**
 * Copies finished turns to `store`. Call it before any other function of this file. Without it, the server copies
 * nothing.
 */
export function keepHistoryIn(strapi: Core.Strapi, store: Store): void {
  historyStores.set(strapi, store);
}

const variables = new WeakMap<Core.Strapi, unknown>();

/** Takes the unchecked variables of the chat's settings. Without it, they are those of `config/chat.ts`. */
export function useVariables(strapi: Core.Strapi, given: unknown): void {
  variables.set(strapi, given);
}

/** Returns the unchecked variables of the chat's settings. */
export function chatVariablesOf(strapi: Core.Strapi): unknown {
  return variables.get(strapi) ?? strapi.config.get('chat');
}

/** Returns undefined if no history is configured. */
export function historyStoreOf(strapi: Core.Strapi): Store | undefined {
  return historyStores.get(strapi);
}

/** @throws SettingsError listing every problem with the settings. */
export function chatOf(strapi: Core.Strapi): Chat {
  return appOf(strapi).chat;
}

/** Returns null if the settings name no Redis. */
export function redisOf(strapi: Core.Strapi): Redis | null {
  return appOf(strapi).redis;
}

export function nodeBusOf(strapi: Core.Strapi): NodeBus {
  return appOf(strapi).nodes.bus;
}

export function sharedPlacesOf(strapi: Core.Strapi): SharedPlaces {
  return appOf(strapi).places;
}

export function publishedCharactersOf(strapi: Core.Strapi): CharacterSource {
  return appOf(strapi).characters;
}

export function historyOf(strapi: Core.Strapi): History {
  return appOf(strapi).history;
}

export function processLockOf(strapi: Core.Strapi): ProcessLock {
  return appOf(strapi).processLock;
}

export function upstreamCheckOf(strapi: Core.Strapi): UpstreamCheck {
  return appOf(strapi).upstreamCheck;
}

export function conversationsOf(strapi: Core.Strapi): Conversations {
  return appOf(strapi).conversations;
}

export function auditOf(strapi: Core.Strapi): AuditLog {
  return appOf(strapi).audit;
}

/** Returns all upstreams of this server. */
export function upstreamsOf(strapi: Core.Strapi): Upstreams {
  return appOf(strapi).upstreams;
}

/** Calls `listener` after each save of finished messages in this process. It must not throw. */
export function onMessagesFinished(
  strapi: Core.Strapi,
  listener: (finished: FinishedMessages) => void,
): void {
  appOf(strapi).messages.on('finished', listener);
}

export async function stopReading(strapi: Core.Strapi): Promise<void> {
  await apps.get(strapi)?.stopReading();
}

function appOf(strapi: Core.Strapi): App {
  const existing = apps.get(strapi);
  if (existing !== undefined) return existing;
  const app = createApp(strapi);
  apps.set(strapi, app);
  return app;
}

function createApp(strapi: Core.Strapi): App {
  const { db, log } = strapi;
  const settings = parseChatSettings(chatVariablesOf(strapi));
  const { redis, nodes, heartbeats, places } = createNodes(strapi, settings.redisUrl);
  const processLock = createProcessLock(strapi, heartbeats);
  const reader = createReader(db, settings.reads);
  const characters = cacheCharacters(
    createCharacterSource(db, settings.turns.nameUsers),
    db,
    settings.cacheCharactersMs,
  );
  const history = createHistory({
    source: createHistorySource(db, createSurvey(db, surveyMemoryOf(strapi))),
    store: historyStoreOf(strapi) ?? null,
    characters,
    users: createUserSource(db),
    sessions: createSessionSource(db),
    ratings: createRatingSource(db, settings.modelName),
    log,
    model: settings.modelName,
    retentionDays: settings.history.retentionDays,
  });
  const upstreams = createUpstreams({
    settings,
    keys: createUpstreamKeys(db),
    logins: createLoginAttempts(db, secretOf(strapi)),
    unseal: createKeySeal(strapi).unseal,
    places,
    warn: (message) => log.warn(message),
  });
  const messages: App['messages'] = new EventEmitter();
  const chat = createChat({
    settings,
    nodes,
    upstreams,
    turnStore: createTurnStore(db, processLock, settings.dify),
    messageStore: createMessageStore(db, reader),
    sessionStore: createSessionStore(db, reader, settings.dify),
    ownDataStore: createOwnDataStore(db, reader),
    searchStore: createSearchStore(db, reader),
    fileStore: createFileStore(db),
    unneededConversations: createUnneededConversations(db),
    trialStore: createTrialStore(db),
    comparisonStore: createComparisonStore(db),
    characters,
    ownerSource: createOwnerSource(db),
    counters: createUserCounters(db, settings.limits),
    places,
    isSeen: heartbeats?.isSeen,
    secret: secretOf(strapi),
    log,
    onTurnEnded(turnId) {
      history.writer?.wake();
      messages.emit('finished', { turn_id: turnId });
    },
    onMessageAdded: (messageId) => messages.emit('finished', { message_id: messageId }),
  });
  const upstreamCheck = createUpstreamCheck({
    upstreams,
    readPublished: createReadPublished(db),
    readVersion: createReadPublishedVersion(db),
    log,
  });
  return {
    chat,
    redis,
    nodes,
    places,
    characters,
    history,
    processLock,
    upstreamCheck,
    upstreams,
    messages,
    conversations: createConversations(db, reader),
    audit: createAuditLog(db),
    stopReading: () => reader.close(),
  };
}

interface Connected extends Pick<App, 'redis' | 'nodes' | 'places'> {
  readonly heartbeats: Heartbeats | null;
}

function createNodes(strapi: Core.Strapi, url: string | null): Connected {
  if (url === null) return { redis: null, nodes: alone, places: noSharedPlaces, heartbeats: null };
  const redis = createRedis({ url, secret: secretOf(strapi), log: strapi.log });
  const channels = createChannels(redis);
  const bus = createNodeBus(redis, channels);
  shareChanges(strapi.db, bus);
  const heartbeats = createHeartbeats(redis);
  return {
    redis,
    nodes: { bus, liveEvents: createLiveEvents({ redis, channels, bus, log: strapi.log }) },
    heartbeats,
    places: createSharedPlaces(redis, heartbeats),
  };
}

/** Returns the first of the application's keys, without which the server does not start. */
function secretOf(strapi: Core.Strapi): string {
  const [first = ''] = strapi.config.get<string[]>('server.app.keys', []);
  return first;
}

function surveyMemoryOf(strapi: Core.Strapi): SurveyMemory {
  const store = strapi.store({ type: 'core', name: 'character-chat' });
  const key = 'history-survey';
  return {
    read: () => store.get({ key }),
    write: async (value) => void (await store.set({ key, value })),
  };
}
