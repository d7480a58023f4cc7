import type { CharacterSource } from './ports/character-source';
import { createDifyClient } from '../upstream/dify/client';
import { createTurnLimits } from './limits/turn-limits';
import type { UserCounters } from './ports/user-counters';
import { createHistoryAccess, type HistoryAccess } from '../history/reading/access';
import type { HistoryNaming } from '../history/naming/history-naming';
import type { HistorySource } from '../history/model/source';
import type { HistoryStore } from '../history/model/store';
import { createHistoryWriter, type HistoryWriter } from '../history/copying/writer';
import { createLiveTurns, type LiveTurns } from './stream/live-turns';
import type { Log } from './shared/log';
import { createMessageActions, type MessageActions } from './message/actions';
import { createMessages, type Messages } from './message/list';
import type { MessageStore } from './ports/message-store';
import { createReads, type Reads } from './limits/reads';
import { createOwnData, type OwnData } from './own-data';
import type { OwnDataStore } from './ports/own-data-store';
import { createSearch, type Search } from './message/search';
import type { SearchStore } from './ports/search-store';
import { createSessionAccess, type SessionAccess } from './session/access';
import type { SessionStore } from './ports/session-store';
import { createConnect, type Connect } from './session/connection';
import { createSessionEvents, type SessionEvents } from './session/events';
import type { ChatSettings } from './settings';
import type { TurnStore } from './ports/turn-store';
import { createTextAllowance } from './limits/text-allowance';
import { createTurns, type Turns } from './turn/turns';
import type { UserSource } from './ports/user-source';
import { createWriteLimits, type WriteLimits } from './limits/write-limits';

export interface ChatDependencies {
  readonly settings: ChatSettings;
  readonly turnStore: TurnStore;
  readonly messageStore: MessageStore;
  readonly sessionStore: SessionStore;
  readonly ownDataStore: OwnDataStore;
  readonly searchStore: SearchStore;
  readonly characters: CharacterSource;
  readonly users: UserSource;
  readonly counters: UserCounters;
  readonly log: Log;
  /** Where finished turns are copied from and to; without it nothing is copied, and the history is unavailable. */
  readonly history?: { readonly source: HistorySource; readonly store: HistoryStore & HistoryNaming };
}

/** The product, the same behind every door. */
export interface Chat {
  readonly settings: ChatSettings;
  readonly turns: Turns;
  readonly live: LiveTurns;
  /** For doors: every request that writes something but a turn is counted before it is done. */
  readonly writes: WriteLimits;
  readonly messages: Messages;
  readonly messageActions: MessageActions;
  readonly sessions: SessionAccess;
  readonly sessionEvents: SessionEvents;
  readonly connect: Connect;
  readonly ownData: OwnData;
  readonly search: Search;
  readonly reads: Reads;
  readonly historyAccess: HistoryAccess;
  /** Not started. Null where there is no history. */
  readonly history: HistoryWriter | null;
}

export function createChat(dependencies: ChatDependencies): Chat {
  const { settings, messageStore, sessionStore, characters, counters, log } = dependencies;
  const live = createLiveTurns();
  const text = createTextAllowance(counters.charsPerDay);
  const limits = createTurnLimits({ settings: settings.limits, counters, text, log });
  const writes = createWriteLimits({ counters, text });
  const dify = createDifyClient({ settings: settings.dify, warn: (message) => log.warn(message) });
  const history = createHistory(dependencies);
  const turns = createTurns({
    settings: settings.turns,
    dify,
    store: history === null ? dependencies.turnStore : withWake(dependencies.turnStore, history),
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
    writes,
    messages,
    messageActions: createMessageActions({ store: messageStore, dify, messages, events }),
    sessions,
    sessionEvents: events,
    connect: createConnect({ live, events, turns, sessions, writes, request: settings.request }),
    history,
    search: createSearch(dependencies.searchStore),
    reads: createReads(settings.reads),
    historyAccess: createHistoryAccess({
      store: dependencies.history?.store ?? null,
      characters,
      users: dependencies.users,
      retentionDays: settings.history.retentionDays,
    }),
    ownData: createOwnData({ store: dependencies.ownDataStore, characters, turns, live, restorableMs }),
  };
}

function createHistory({ settings, log, history, users }: ChatDependencies): HistoryWriter | null {
  return history === undefined
    ? null
    : createHistoryWriter({ ...history, users, log, model: settings.modelName });
}

/** However a turn ends here, it is copied soon, and waits for nothing of it. */
function withWake(store: TurnStore, { wake }: HistoryWriter): TurnStore {
  return {
    ...store,
    async close(turnId, ending) {
      const saved = await store.close(turnId, ending);
      wake();
      return saved;
    },
  };
}
