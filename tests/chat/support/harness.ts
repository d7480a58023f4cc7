import { alone, type Nodes } from '../../../src/chat/ports/nodes/nodes';
import { createOtherNodes } from '../../../src/chat/stream/other-nodes';
import { oneUpstream } from './one-upstream';
import type { Character } from '../../../src/chat/model/character';
import type { DifySettings, LimitSettings, TurnSettings } from '../../../src/chat/settings';
import { createLiveTurns, type LiveTurn } from '../../../src/chat/stream/live-turns';
import { createTurnLimits } from '../../../src/chat/limits/turn-limits';
import type { UserCounters } from '../../../src/chat/ports/users/user-counters';
import type { Frame } from '../../../src/chat/stream/sse';
import type { Upstream } from '../../../src/chat/ports/upstream';
import type { TurnStore } from '../../../src/chat/ports/turn-store';
import { createTextAllowance } from '../../../src/chat/limits/text-allowance';
import { createTurns } from '../../../src/chat/turn/turns';
import type { Question } from '../../../src/chat/model/question';
import type { WireEvent } from '../../../src/chat/contract/stream-event';
import type { DifyEmulator } from '../../dify-emulator';
import { collect } from './collect';
import { difyClient, difySettings } from './dify';
import { ada, keeper, limitSettings, links, pirate, recordingLog, turnSettings } from './fixtures';
import { createMemoryCharacters } from './memory-characters';
import { createMemoryCounters } from './memory-counters';
import { createMemoryTurnStore } from './memory-turn-store';

interface CommonOptions {
  readonly settings?: Partial<TurnSettings>;
  readonly limits?: Partial<LimitSettings>;
  /** By default, nothing is counted per minute or day. */
  readonly counters?: UserCounters;
  /** Changes the character that is asked. */
  readonly character?: Partial<Character>;
  /** Replaces some methods of the store, for example with failing ones. */
  readonly store?: (store: TurnStore) => Partial<TurnStore>;
  readonly nodes?: Nodes;
}

export interface HarnessOptions extends CommonOptions {
  readonly dify: DifyEmulator;
  readonly difySettings?: Partial<DifySettings>;
}

/** Asks another upstream than Dify. */
interface UpstreamOptions extends CommonOptions {
  readonly upstream: Upstream;
}

/** Creates turns from real parts. Only the database is in memory, and Dify is the emulator unless `upstream` is given. */
export function createHarness(options: HarnessOptions | UpstreamOptions) {
  const { settings, limits, store: change } = options;
  const { counters = createMemoryCounters() } = options;
  const store = createMemoryTurnStore();
  const log = recordingLog();
  const live = createLiveTurns();
  const superseded: (readonly [messageId: string, turnId: string])[] = [];
  const unpublished = { ...keeper, id: 19, documentId: 'character-draft' };
  const silent = { ...keeper, id: 20, documentId: 'character-silent', prompt: ' \n' };
  const unborn = { ...keeper, id: 21, documentId: 'character-unborn', prompt: null };
  const turns = createTurns({
    settings: { ...turnSettings, ...settings },
    upstreams: oneUpstream(
      'upstream' in options
        ? options.upstream
        : difyClient(difySettings(options.dify, options.difySettings), log.lines),
    ),
    uploads: { check: async () => undefined, read: async () => null },
    fileLinks: links,
    store: { ...store, ...change?.(store) },
    characters: createMemoryCharacters(
      [{ ...keeper, ...options.character }, pirate, silent, unborn],
      [unpublished],
    ),
    live,
    otherNodes: createOtherNodes({
      nodes: options.nodes ?? alone,
      live,
      settings: { ...turnSettings, ...settings },
    }),
    onTurnEnded: () => undefined,
    onSuperseded: (question, turnId) => void superseded.push([question.messageId, turnId]),
    dropConversation: async () => undefined,
    limits: createTurnLimits({
      settings: { ...limitSettings, ...limits },
      counters,
      text: createTextAllowance(counters.charsPerDay),
      log,
    }),
    log,
  });

  return { store, log, live, turns, ask, askToEnd, superseded };

  function ask(changes: Partial<Question> = {}): Promise<LiveTurn> {
    return turns.start({ ...questionOf('How is the sea?'), ...changes });
  }

  /** Asks a question. @returns all events that a client sees. */
  async function askToEnd(changes: Partial<Question> = {}): Promise<readonly WireEvent[]> {
    return eventsOf(await ask(changes));
  }
}

export function questionOf(query: string): Question {
  return { owner: ada, characterId: keeper.documentId, query, session: {}, inputs: {} };
}

export async function eventsOf(turn: LiveTurn, cursor = 0): Promise<readonly WireEvent[]> {
  return toEvents(await collect(turn.follow(cursor, new AbortController().signal)));
}

/** Parses the events in these batches of frames. */
export function toEvents(batches: readonly (readonly Frame[])[]): readonly WireEvent[] {
  return batches.flat().map(({ data }) => JSON.parse(data) as WireEvent);
}

/** Returns the text that a client shows after these events. */
export function shownText(events: readonly WireEvent[]): string {
  return events.reduce((text, event) => {
    if (event.event === 'message') return text + event.answer;
    return event.event === 'message_replace' ? event.answer : text;
  }, '');
}
