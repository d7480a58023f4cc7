import { createMemoryLoginAttempts } from './support/memory-login-attempts';
import { createMemoryKeys } from './support/one-upstream';
import { createChat } from '../../src/chat/chat';
import { parseChatSettings } from '../../src/chat/settings';
import { createHistoryWriter } from '../../src/history/copying/writer';
import { createUpstreams } from '../../src/upstream/upstreams';
import { createDifyEmulator } from '../dify-emulator';
import { until } from './support/collect';
import { ada, keeper, ownerSource, recordingLog, users } from './support/fixtures';
import { eventsOf, questionOf, shownText } from './support/harness';
import { createHistoryStoreInMemory } from '../history/support/history-store-in-memory';
import { createMemoryCharacters } from './support/memory-characters';
import { createMemoryFileStore } from './support/memory-file-store';
import { createEmptyOwnDataStore } from './support/memory-own-data-store';
import { createEmptySessionStore } from './support/memory-session-store';
import { createMemoryCounters } from './support/memory-counters';
import { createMemoryHistorySource, finishedTurn } from '../history/support/memory-history-source';
import { createMemoryHistoryStore } from '../history/support/memory-history-store';
import { createMemoryComparisonStore, createMemoryTrialStore } from './support/memory-trial-store';
import { createMemoryTurnStore } from './support/memory-turn-store';

const noUnneeded = { add: async () => undefined, claim: async () => null, settle: async () => undefined };

describe('createChat', () => {
  it('answers a question with the given parts, and lists its messages', async () => {
    const dify = await createDifyEmulator({ titleDelayMs: 1 }).listen();
    const turnStore = createMemoryTurnStore();
    const settings = parseChatSettings({
      DIFY_API_URL: dify.url,
      DIFY_API_KEY: dify.apiKey,
      CHAT_EXPOSE_PROMPT: 'false',
    });
    const log = recordingLog();
    const chat = createChat({
      settings,
      upstreams: createUpstreams({
        settings,
        keys: createMemoryKeys(),
        logins: createMemoryLoginAttempts(),
        unseal: () => null,
        warn: log.warn,
      }),
      turnStore,
      messageStore: {
        list: async () => {
          const messages = turnStore.turns().flat();
          return { messages, total: messages.length };
        },
        find: async () => turnStore.turns()[0]?.[1] ?? null,
        mark: async () => turnStore.turns()[0]?.[1] ?? null,
      },
      sessionStore: createEmptySessionStore(),
      ownDataStore: createEmptyOwnDataStore(),
      fileStore: createMemoryFileStore(),
      unneededConversations: noUnneeded,
      trialStore: createMemoryTrialStore(),
      comparisonStore: createMemoryComparisonStore(),
      ownerSource,
      searchStore: {
        searchWindow: async () => ({ ids: [], end: null }),
        findHits: async () => [],
      },
      characters: createMemoryCharacters([keeper]),
      counters: createMemoryCounters(),
      secret: 'of tests',
      log,
    });

    const turn = await chat.turns.start(questionOf('How is the sea?'));
    expect(chat.live.find(turn.turnId)).toBe(turn);
    const events = await eventsOf(turn);
    const page = await chat.messages.list(ada, {});
    expect(page.data.map(({ answer }) => answer)).toEqual([shownText(events), shownText(events)]);
    const read = await chat.messageActions.markRead(ada, page.data[1]?.message_id ?? '');
    expect(read).toEqual(page.data[1]);
    expect(JSON.stringify([events, page, read])).not.toContain(keeper.prompt);
    await chat.live.idle();
    await dify.close();
  });

  it('wakes the history writer after a turn, and does not wait for the copy', async () => {
    const dify = await createDifyEmulator({ titleDelayMs: 1 }).listen();
    const turnStore = createMemoryTurnStore();
    const source = createMemoryHistorySource();
    const store = { ...createHistoryStoreInMemory(), ...createMemoryHistoryStore() };
    const log = recordingLog();
    const settings = parseChatSettings({ DIFY_API_URL: dify.url, DIFY_API_KEY: dify.apiKey });
    const writer = createHistoryWriter({ source, store, users, log, model: 'gpt-of-ours' });
    const chat = createChat({
      settings,
      upstreams: createUpstreams({
        settings,
        keys: createMemoryKeys(),
        logins: createMemoryLoginAttempts(),
        unseal: () => null,
        warn: log.warn,
      }),
      turnStore: {
        ...turnStore,
        async close(turnId, ending) {
          const saved = await turnStore.close(turnId, ending);
          source.finish(finishedTurn({ turnId, answer: ending.answer }));
          return saved;
        },
      },
      messageStore: {
        list: async () => ({ messages: [], total: 0 }),
        find: async () => null,
        mark: async () => null,
      },
      sessionStore: createEmptySessionStore(),
      ownDataStore: createEmptyOwnDataStore(),
      fileStore: createMemoryFileStore(),
      unneededConversations: noUnneeded,
      trialStore: createMemoryTrialStore(),
      comparisonStore: createMemoryComparisonStore(),
      ownerSource,
      searchStore: {
        searchWindow: async () => ({ ids: [], end: null }),
        findHits: async () => [],
      },
      characters: createMemoryCharacters([keeper]),
      counters: createMemoryCounters(),
      secret: 'of tests',
      log,
      onTurnEnded: () => writer.wake(),
    });
    writer.start();
    const since = Date.now();
    // The history does not answer until `letGo`. No turn may wait for it.
    const save = store.save.bind(store);
    let letGo = () => undefined as void;
    store.save = async (records) => {
      await new Promise<void>((resolve) => (letGo = resolve));
      await save(records);
    };
    const first = await chat.turns.start(questionOf('How is the sea?'));
    await eventsOf(first);
    await until(() => source.states()[first.turnId] === 'claimed');
    const second = await chat.turns.start(questionOf('And now?'));
    const events = await eventsOf(second);
    expect(events.at(-1)).toMatchObject({ event: 'message_end' });
    expect(store.records.size).toBe(0);
    letGo();
    await until(() => source.states()[second.turnId] === 'claimed');
    letGo();
    await until(() => store.records.size === 2);
    // Earlier than the next regular round of the writer.
    expect(Date.now() - since).toBeLessThan(4_500);
    expect(store.records.get(second.turnId)).toMatchObject({
      model: 'gpt-of-ours',
      response: { choices: [{ message: { content: shownText(events) } }] },
    });
    await writer.stop();
    await dify.close();
  });
});
