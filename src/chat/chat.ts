import type { CharacterSource } from './ports/character-source';
import { createConversationCleanup, type ConversationCleanup } from './session/conversation-cleanup';
import { createTurnLimits } from './limits/turn-limits';
import type { UserCounters } from './ports/users/user-counters';
import { createOtherNodes } from './stream/other-nodes';
import { alone, type Nodes } from './ports/nodes/nodes';
import { createLiveTurns, type LiveTurns } from './stream/live-turns';
import type { Log } from './shared/log';
import type { SharedPlaces } from './shared/places';
import { createMessageActions, type MessageActions } from './message/actions';
import type { FileStore } from './ports/file-store';
import { createAnswerFiles, type AnswerFiles } from './file/answer-files';
import { createUploads, type Uploads } from './file/uploads';
import { createMessages, type Messages } from './message/list';
import type { MessageStore } from './ports/message-store';
import { createReads, type Reads } from './limits/reads';
import { createOwnData, type OwnData } from './session/own-data';
import type { OwnDataStore } from './ports/own-data-store';
import { createSearch, type Search } from './message/search';
import type { SearchStore } from './ports/search-store';
import { createSessionAccess, type SessionAccess } from './session/access';
import { createOwners, type Owners } from './session/owners';
import { createClientChats, type ClientChats } from './session/client-chats';
import { createFindThread } from './session/find-thread';
import { createCharacterSessions, type CharacterSessions } from './session/character-sessions';
import type { SessionStore } from './ports/session-store';
import { createConnect, type Connect } from './session/connection';
import { announceTurn } from './session/announced-turns';
import { createSessionEvents, toMessageEvent, toSupersededEvent, type SessionEvents } from './session/events';
import type { ChatSettings } from './settings';
import type { TurnStore } from './ports/turn-store';
import { createTextAllowance } from './limits/text-allowance';
import { createComparisons, type Comparisons } from './trial/comparisons';
import { createTrials, type Trials } from './trial/trials';
import type { ComparisonStore } from './ports/trials/comparison-store';
import type { TrialStore } from './ports/trials/trial-store';
import { createTurns, type Turns } from './turn/turns';
import type { UnneededConversations } from './ports/unneeded-conversations';
import type { Upstreams } from './ports/upstreams';
import type { OwnerSource } from './ports/users/user-source';
import { createWriteLimits, type WriteLimits } from './limits/write-limits';

export interface ChatDependencies {
  readonly settings: ChatSettings;
  /** The services that answer questions. */
  readonly upstreams: Upstreams;
  readonly turnStore: TurnStore;
  readonly messageStore: MessageStore;
  readonly sessionStore: SessionStore;
  readonly ownDataStore: OwnDataStore;
  readonly searchStore: SearchStore;
  readonly fileStore: FileStore;
  readonly unneededConversations: UnneededConversations;
  readonly trialStore: TrialStore;
  readonly comparisonStore: ComparisonStore;
  readonly characters: CharacterSource;
  readonly ownerSource: OwnerSource;
  readonly counters: UserCounters;
  /** Default: each process counts alone. */
  readonly places?: SharedPlaces | undefined;
  /** See `TurnOptions`. */
  readonly isSeen?: (() => boolean) | undefined;
  /** A secret of this installation, the same in all its processes. */
  readonly secret: string;
  readonly log: Log;
  /** Default: this process works alone. */
  readonly nodes?: Nodes;
  /** The chat calls this each time it has saved the end of a turn. It must not throw. */
  readonly onTurnEnded?: (turnId: string) => void;
  /** The chat calls this each time it has saved a message that a client has added. It must not throw. */
  readonly onMessageAdded?: (messageId: string) => void;
}

/** The product. All controllers use it. */
export interface Chat {
  readonly settings: ChatSettings;
  readonly turns: Turns;
  /** Answers for editors who try a character. */
  readonly trials: Trials;
  readonly comparisons: Comparisons;
  readonly live: LiveTurns;
  /** Returns how many questions wait to be sent to their upstream. */
  readonly queuedTurns: () => number;
  /** Controllers count each write with this before they do it. Turns have their own limits. */
  readonly writes: WriteLimits;
  readonly messages: Messages;
  readonly messageActions: MessageActions;
  readonly sessions: SessionAccess;
  readonly owners: Owners;
  readonly characterSessions: CharacterSessions;
  readonly findThread: ReturnType<typeof createFindThread>;
  readonly clientChats: ClientChats;
  readonly sessionEvents: SessionEvents;
  readonly connect: Connect;
  readonly ownData: OwnData;
  readonly uploads: Uploads;
  readonly answerFiles: AnswerFiles;
  readonly conversationCleanup: ConversationCleanup;
  readonly search: Search;
  readonly reads: Reads;
}

export function createChat(dependencies: ChatDependencies): Chat {
  const { settings, upstreams, messageStore: store, sessionStore, characters, counters, log } = dependencies;
  const { places, isSeen, nodes = alone } = dependencies;
  const { exposePrompt } = settings.turns;
  const live = createLiveTurns((turn) => announceTurn(nodes, turn));
  const text = createTextAllowance(counters.charsPerDay);
  const writes = createWriteLimits({ counters, text });
  const conversationCleanup = createConversationCleanup({
    store: dependencies.unneededConversations,
    upstreams,
    log,
  });
  const { uploads, answerFiles } = createFiles(dependencies, writes);
  const onErased = () => conversationCleanup.wake();
  const events = createSessionEvents(nodes.bus);
  const turns = createTurns({
    settings: settings.turns,
    upstreams,
    uploads,
    fileLinks: answerFiles.links,
    store: dependencies.turnStore,
    characters,
    live,
    otherNodes: createOtherNodes({ nodes, live, settings: settings.turns }),
    limits: createTurnLimits({ settings: settings.limits, counters, text, places, log }),
    log,
    isSeen,
    onTurnEnded: dependencies.onTurnEnded ?? (() => undefined),
    onSuperseded: (question, turnId) => events.publish(toSupersededEvent(question, turnId)),
    dropConversation: (conversation) => conversationCleanup.add(conversation),
  });
  const messages = createMessages({ store, characters, exposePrompt, fileLinks: answerFiles.links });
  const sessions = createSessionAccess({
    store: sessionStore,
    characters,
    turns,
    events,
    restorableMs: settings.restorableMs,
    onMessageAdded: dependencies.onMessageAdded ?? (() => undefined),
    onErased,
  });
  const characterSessions = createCharacterSessions({ store: sessionStore, characters, sessions });
  return {
    settings,
    live,
    queuedTurns: () => upstreams.waiting(),
    turns,
    ...createTrying(dependencies, conversationCleanup),
    writes,
    messages,
    messageActions: createMessageActions({
      store,
      upstreams,
      characters,
      messages,
      onRead: (message) => events.publish(toMessageEvent('message_read', message)),
    }),
    sessions,
    owners: createOwners(dependencies.ownerSource),
    characterSessions,
    ...createThreads(dependencies, { turns, sessions, characterSessions, uploads }),
    sessionEvents: events,
    connect: createConnect({
      live,
      bus: nodes.bus,
      events,
      turns,
      sessions,
      writes,
      request: settings.request,
    }),
    search: createSearch(dependencies.searchStore),
    reads: createReads(settings.reads),
    uploads,
    answerFiles,
    ownData: createOwnDataOf(dependencies, { uploads, turns, live, onErased }),
    conversationCleanup,
  };
}

/** Creates what finds the sessions that clients of other APIs mean. */
function createThreads(
  { sessionStore: store, nodes: { bus } = alone }: ChatDependencies,
  parts: Pick<Chat, 'turns' | 'sessions' | 'characterSessions' | 'uploads'>,
): Pick<Chat, 'findThread' | 'clientChats'> {
  return {
    findThread: createFindThread({ ...parts, store }),
    clientChats: createClientChats({ ...parts, store, bus }),
  };
}

function createOwnDataOf(
  { ownDataStore: store, fileStore: files, characters, settings: { restorableMs } }: ChatDependencies,
  {
    uploads,
    ...parts
  }: Pick<Chat, 'uploads' | 'turns' | 'live'> & { readonly onErased: () => Promise<void> | void },
): OwnData {
  const purgeFiles = () => uploads.purge();
  return createOwnData({ store, files, purgeFiles, characters, restorableMs, ...parts });
}

/** Creates the files of questions and of answers. */
function createFiles(
  { settings, upstreams, characters, fileStore: store, secret }: ChatDependencies,
  writes: WriteLimits,
): Pick<Chat, 'uploads' | 'answerFiles'> {
  return {
    uploads: createUploads({
      settings: { ...settings.files, maxFiles: settings.request.maxFiles },
      store,
      characters,
      upstreams,
      writes,
    }),
    answerFiles: createAnswerFiles({ upstreams, secret }),
  };
}

/** Creates what editors try characters with. */
function createTrying(
  { settings, upstreams, trialStore: store, comparisonStore, log }: ChatDependencies,
  conversations: ConversationCleanup,
): Pick<Chat, 'trials' | 'comparisons'> {
  const trials = createTrials({ ...settings.turns, upstreams, store, log, conversations });
  return { trials, comparisons: createComparisons({ trials, store: comparisonStore, log }) };
}
