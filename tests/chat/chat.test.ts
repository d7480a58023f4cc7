import { createChat } from '../../src/chat/chat';
import { parseChatSettings } from '../../src/chat/settings';
import { createDifyEmulator } from '../dify-emulator';
import { ada, keeper, recordingLog } from './support/fixtures';
import { eventsOf, questionOf, shownText } from './support/harness';
import { createMemoryCharacters } from './support/memory-characters';
import { createEmptyOwnDataStore } from './support/memory-own-data-store';
import { createEmptySessionStore } from './support/memory-session-store';
import { createMemoryCounters } from './support/memory-counters';
import { createMemoryTurnStore } from './support/memory-turn-store';

describe('createChat', () => {
  it('answers a question with the parts it is given, and lists it', async () => {
    const dify = await createDifyEmulator({ titleDelayMs: 1 }).listen();
    const turnStore = createMemoryTurnStore();
    const chat = createChat({
      settings: parseChatSettings({
        DIFY_API_URL: dify.url,
        DIFY_API_KEY: dify.apiKey,
        CHAT_EXPOSE_PROMPT: 'false',
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
      searchStore: {
        isBlocking: false,
        searchWindow: async () => ({ ids: [], end: null }),
        findHits: async () => [],
      },
      characters: createMemoryCharacters([keeper]),
      counters: createMemoryCounters(),
      log: recordingLog(),
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
});
