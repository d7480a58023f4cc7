import type { CharacterSource } from './characters';
import { createDifyClient } from './dify/client';
import { createTurnLimits, type UserCounters } from './limits';
import { createHistoryAccess, type HistoryAccess } from './history/history-access';
import type { HistoryStore } from './history/history-store';
import { createLiveTurns, type LiveTurns } from './live-turns';
import type { Log } from './log';
import { createMessageActions, type MessageActions } from './message-actions';
import { createMessages, type Messages, type MessageStore } from './messages';
import { createOwnData, type OwnData, type OwnDataStore } from './own-data';
import { createSearch, type Search, type SearchStore } from './search';
import { createSessionAccess, type SessionAccess, type SessionStore } from './session-access';
import { createConnect, type Connect } from './session-connection';
import { createSessionEvents, type SessionEvents } from './session-events';
import type { ChatSettings } from './settings';
import type { TurnStore } from './stores';
import { createTurns, type Turns } from './turns';

export interface ChatDependencies {
  readonly settings: ChatSettings;
  readonly turnStore: TurnStore;
  readonly messageStore: MessageStore;
  readonly sessionStore: SessionStore;
  readonly ownDataStore: OwnDataStore;
  readonly searchStore: SearchStore;
  readonly characters: CharacterSource;
  readonly counters: UserCounters;
  /** Without one, the history is unavailable, and nothing else. */
  readonly historyStore?: HistoryStore;
  readonly log: Log;
}

/** The product, the same behind every door. */
export interface Chat {
  readonly settings: ChatSettings;
  readonly turns: Turns;
  readonly live: LiveTurns;
  readonly messages: Messages;
  readonly messageActions: MessageActions;
  readonly sessions: SessionAccess;
  readonly sessionEvents: SessionEvents;
  readonly connect: Connect;
  readonly ownData: OwnData;
  readonly search: Search;
  readonly historyAccess: HistoryAccess;
}

export function createChat(dependencies: ChatDependencies): Chat {
  const { settings, turnStore, messageStore, sessionStore, characters, counters, log } = dependencies;
  const live = createLiveTurns();
  const limits = createTurnLimits({ settings: settings.limits, counters, log });
  const dify = createDifyClient({ settings: settings.dify, warn: (message) => log.warn(message) });
  const turns = createTurns({
    settings: settings.turns,
    dify,
    store: turnStore,
    characters,
    live,
    limits,
    log,
  });
  const { exposePrompt } = settings.turns;
  const messages = createMessages({ store: messageStore, characters, exposePrompt });
  const { restorableMs } = settings;
  const events = createSessionEvents();
  const sessions = createSessionAccess({ store: sessionStore, characters, turns, events, restorableMs });
  return {
    settings,
    live,
    turns,
    messages,
    messageActions: createMessageActions({ store: messageStore, dify, messages, events }),
    sessions,
    sessionEvents: events,
    connect: createConnect({ live, events, turns, sessions, request: settings.request }),
    search: createSearch(dependencies.searchStore),
    historyAccess: createHistoryAccess({
      store: dependencies.historyStore ?? null,
      characters,
      retentionDays: settings.history.retentionDays,
    }),
    ownData: createOwnData({ store: dependencies.ownDataStore, characters, turns, live, restorableMs }),
  };
}
