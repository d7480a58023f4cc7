import { ChatError } from '../../../src/chat/errors';
import { createHistoryAccess } from '../../../src/history/reading/access';
import type { SessionSource } from '../../../src/chat/ports/session-source';
import type { HistoryStore } from '../../../src/history/model/store';
import type { HistoryRecord } from '../../../src/history/model/record';
import { thrown } from '../../chat/support/collect';
import { ada, bob, keeper, users } from '../../chat/support/fixtures';
import { failedRecord, historyRecord } from '../support/history-records';
import { createHistoryStoreInMemory } from '../support/history-store-in-memory';
import { createMemoryCharacters } from '../../chat/support/memory-characters';

const mine = { id: ada.id };
const characters = createMemoryCharacters([keeper]);
const difysId = '3e7f234e-92f2-43c6-8e4f-d46e01425317';
/** Ada's session-1 is in this conversation of Dify. */
const sessions: SessionSource = {
  findSessionId: async (conversationId, owner) =>
    conversationId === difysId && (owner === null || owner === ada.documentId) ? 'session-1' : null,
};

function historyOf(records: readonly HistoryRecord[], retentionDays = 0) {
  const store = createHistoryStoreInMemory(records);
  return { store, history: createHistoryAccess({ store, characters, users, sessions, retentionDays }) };
}

const question = {
  conversationId: 'session-1',
  userId: ada.id,
  messages: [{ role: 'user', content: 'How is the sea?' }],
  model: 'gpt-4o',
};
const answer = { choices: [{ message: { role: 'assistant', content: 'Calm.' } }] };
const completion = { ...question, response: answer };
const failure = { ...question, errorCode: 500, errorMessage: 'Out of order.' };

/** Makes `count` turns of a conversation, one minute apart. */
function turns(count: number, changes: Partial<HistoryRecord> = {}): HistoryRecord[] {
  return Array.from({ length: count }, (_, index) =>
    historyRecord({
      recordId: `${changes.conversationId ?? 'session-1'} turn ${index}`,
      messages: [{ role: 'user', content: `Question ${index}` }],
      createdAt: new Date(Date.parse('2026-01-02T03:00:00Z') + index * 60_000),
      ...changes,
    }),
  );
}

async function codeOf(pending: Promise<unknown>): Promise<string> {
  const error = await thrown(() => pending);
  if (!(error instanceof ChatError)) throw new Error('No ChatError was thrown.');
  return error.code;
}

describe('listConversations', () => {
  it('returns each conversation with its title, model, character, counts and times', async () => {
    const { history } = historyOf([...turns(2), failedRecord({ recordId: 'failed' })]);
    expect(await history.listConversations(mine, {})).toEqual({
      conversations: [
        {
          conversation_id: 'session-1',
          user_id: ada.id,
          title: 'Question 0',
          model: 'gpt-4o',
          ai_character: { documentId: keeper.documentId, name: keeper.name },
          records: 3,
          errors: 1,
          total_tokens: 30,
          created_at: '2026-01-02T03:00:00.000Z',
          updated_at: '2026-01-02T03:04:05.678Z',
        },
      ],
      next_cursor: null,
    });
  });

  it('returns pages, latest conversation first, by cursor and by offset', async () => {
    const { history } = historyOf(
      turns(7).map((record, index) => ({ ...record, conversationId: `session-${index}` })),
    );
    const ids = async (query: object) => {
      const { conversations, next_cursor } = await history.listConversations(mine, query);
      return [conversations.map(({ conversation_id: id }) => id.slice(-1)).join(''), next_cursor] as const;
    };
    const [first, cursor] = await ids({ limit: '3' });
    const [second, next] = await ids({ limit: '3', cursor });
    expect([first, second, await ids({ limit: '3', cursor: next })]).toEqual(['654', '321', ['0', null]]);
    expect((await ids({ limit: 3, offset: '2' }))[0]).toBe('432');
    expect((await ids({ limit: 7, offset: 7 }))[0]).toBe('');
  });

  it.each([101, '5000', '1e30'])('cuts the limit %s to 100', async (limit) => {
    const records = turns(120).map((record, index) => ({ ...record, conversationId: `session ${index}` }));
    const { conversations } = await historyOf(records).history.listConversations(mine, { limit });
    expect(conversations).toHaveLength(100);
    const { messages } = await historyOf(turns(120)).history.listMessages(mine, 'session-1', { limit });
    expect(messages.length).toBeGreaterThan(50);
    expect(messages.length).toBeLessThanOrEqual(100);
  });

  it('returns no cursor on the last page', async () => {
    const { history } = historyOf(
      turns(4).map((record, index) => ({ ...record, conversationId: `session-${index}` })),
    );
    const first = await history.listConversations(mine, { limit: 2 });
    const second = await history.listConversations(mine, { limit: 2, cursor: first.next_cursor });
    expect([first.conversations.length, first.next_cursor === null]).toEqual([2, false]);
    expect([second.conversations.length, second.next_cursor]).toEqual([2, null]);
    expect((await history.listConversations(mine, { limit: 2, offset: 2 })).next_cursor).toBeNull();
    expect((await history.listConversations(mine, { limit: 2, offset: 1 })).next_cursor).not.toBeNull();
  });

  it("returns the caller's own conversations, or those of everybody", async () => {
    const { history } = historyOf([
      ...turns(1),
      historyRecord({ recordId: 'bob', conversationId: 'session-2', userDocumentId: bob.documentId }),
    ]);
    const count = async (scope: Parameters<typeof history.listConversations>[0]) =>
      (await history.listConversations(scope, {})).conversations.length;
    expect([await count(mine), await count({ id: bob.id }), await count('everybody')]).toEqual([1, 1, 2]);
  });

  it('looks up each character once, and none for a conversation without a character', async () => {
    const store = createHistoryStoreInMemory([
      ...[1, 2].map((number) =>
        historyRecord({ recordId: `${number}`, conversationId: `session-${number}` }),
      ),
      historyRecord({ recordId: '3', conversationId: 'session-3', characterId: null }),
    ]);
    const asked: (readonly string[])[] = [];
    const recording = {
      findForDisplay: (ids: readonly string[]) => {
        asked.push(ids);
        return characters.findForDisplay(ids);
      },
    };
    const history = createHistoryAccess({ store, characters: recording, users, sessions, retentionDays: 0 });
    const { conversations } = await history.listConversations(mine, {});
    expect(asked).toEqual([[keeper.documentId]]);
    expect(conversations.map(({ ai_character: character }) => character?.name)).toEqual([
      undefined,
      keeper.name,
      keeper.name,
    ]);
  });

  it.each([
    { limit: '0' },
    { limit: '1.5' },
    { limit: 'all' },
    { offset: '-1' },
    { offset: '10001' },
    { cursor: 'nonsense' },
    { cursor: ['a', 'b'] },
    { offset: '1', cursor: Buffer.from('1.a').toString('base64url') },
  ])('returns invalid-request for the query %j', async (query) => {
    const { history } = historyOf([]);
    expect(await codeOf(history.listConversations(mine, query))).toBe('invalid-request');
  });
});

describe('a conversation whose id is a UUID', () => {
  const upper = '0B8D43A4-2A43-4B32-B1A5-4FC5B1F8B8A0';
  const lower = upper.toLowerCase();

  it('is found in the case of its record first, then in lower case', async () => {
    const { history, store } = historyOf([
      ...turns(1, { conversationId: upper }),
      ...turns(3, { conversationId: lower }),
    ]);
    const count = async (id: string) => (await history.listMessages(mine, id, {})).messages.length;
    expect([await count(upper), await count(lower)]).toEqual([2, 6]);
    await history.deleteConversation(mine, upper);
    expect(store.records.map(({ conversationId }) => conversationId)).toEqual([lower, lower, lower]);
    expect(await count(upper)).toBe(6);
    await history.deleteConversation(mine, upper);
    expect(store.records).toEqual([]);
  });

  it("is found by Dify's id in upper case", async () => {
    const { history } = historyOf(turns(1));
    expect((await history.listMessages(mine, difysId.toUpperCase(), {})).messages).toHaveLength(2);
  });
});

describe('listMessages', () => {
  it('returns OpenAI messages in the order of the conversation, with the data of their record', async () => {
    const { history } = historyOf([historyRecord()]);
    const known = {
      record_id: 'turn-1',
      created_at: '2026-01-02T03:04:05.678Z',
      model: 'gpt-4o',
      error: null,
    };
    expect(await history.listMessages(mine, 'session-1', {})).toEqual({
      messages: [
        { role: 'user', content: 'How is the sea?', ...known, usage: null },
        {
          role: 'assistant',
          content: 'Calm.',
          ...known,
          usage: { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 },
        },
      ],
      next_cursor: null,
    });
  });

  it('keeps the other fields of OpenAI messages', async () => {
    const calls = [{ id: 'call_1', type: 'function', function: { name: 'tide', arguments: '{}' } }];
    const messages = [
      { role: 'system', content: 'Be short.', name: 'keeper' },
      { role: 'assistant', content: null, tool_calls: calls },
      { role: 'tool', tool_call_id: 'call_1', content: 'high' },
    ];
    const { history } = historyOf([historyRecord({ messages })]);
    const page = await history.listMessages(mine, 'session-1', {});
    expect(page.messages.slice(0, 3)).toEqual(messages.map((message) => expect.objectContaining(message)));
    expect(page.messages.map(({ usage }) => usage !== null)).toEqual([false, false, false, true]);
  });

  it('returns the error and the partial text of a failed turn', async () => {
    const error = { code: 'upstream-timeout', message: 'Too long.' };
    const { history } = historyOf([
      failedRecord({ error: { ...error, phase: 'before-answer', partialText: '' } }),
      failedRecord({
        recordId: 'turn-2',
        createdAt: new Date('2026-01-02T03:05:00Z'),
        error: { ...error, phase: 'during-answer', partialText: 'Cal' },
      }),
    ]);
    const { messages } = await history.listMessages(mine, 'session-1', {});
    expect(messages.map((message) => [message.role, message.content, message.error?.phase])).toEqual([
      ['user', 'How is the sea?', 'before-answer'],
      ['user', 'How is the sea?', undefined],
      ['assistant', 'Cal', 'during-answer'],
    ]);
  });

  it('returns pages, the latest first, and never splits a record', async () => {
    const { history } = historyOf(turns(5));
    const pages: string[][] = [];
    let cursor: string | null | undefined;
    while (cursor !== null) {
      const page = await history.listMessages(mine, 'session-1', { limit: 4, cursor });
      pages.push(page.messages.map(({ content }) => String(content)));
      cursor = page.next_cursor;
    }
    const turn = (index: number) => [`Question ${index}`, 'Calm.'];
    expect(pages).toEqual([[...turn(3), ...turn(4)], [...turn(1), ...turn(2)], turn(0)]);
  });

  it('returns a whole record even when it exceeds the limit', async () => {
    const { history } = historyOf(turns(2));
    const first = await history.listMessages(mine, 'session-1', { limit: 1 });
    const second = await history.listMessages(mine, 'session-1', { limit: 1, cursor: first.next_cursor });
    expect([first.messages.length, second.messages.length]).toEqual([2, 2]);
    expect(second.next_cursor).toBeNull();
  });

  it('returns all messages although some records have none', async () => {
    const { history } = historyOf([
      ...turns(1),
      ...[1, 2, 3].map((number) =>
        failedRecord({
          recordId: `failed ${number}`,
          messages: [],
          error: { code: 'internal', message: '', phase: 'before-answer', partialText: '' },
        }),
      ),
    ]);
    const first = await history.listMessages(mine, 'session-1', { limit: 2 });
    expect([first.messages, first.next_cursor === null]).toEqual([[], false]);
    const second = await history.listMessages(mine, 'session-1', { limit: 2, cursor: first.next_cursor });
    expect([second.messages.length, second.next_cursor]).toEqual([2, null]);
  });

  it('returns every message once when all records have the same millisecond', async () => {
    const createdAt = new Date('2026-01-02T03:00:00Z');
    const { history } = historyOf(turns(25).map((record) => ({ ...record, createdAt })));
    const seen: string[] = [];
    let cursor: string | null | undefined;
    while (cursor !== null) {
      const page = await history.listMessages(mine, 'session-1', { limit: 7, cursor });
      seen.push(...page.messages.map(({ record_id: id }) => id));
      cursor = page.next_cursor;
    }
    expect([seen.length, new Set(seen).size]).toEqual([50, 25]);
  });

  it('returns an empty page when the records after the cursor were removed', async () => {
    const { history, store } = historyOf(turns(2));
    const { next_cursor: cursor } = await history.listMessages(mine, 'session-1', { limit: 2 });
    await store.prune('2027-01-01', new AbortController().signal);
    expect(await history.listMessages(mine, 'session-1', { cursor })).toEqual({
      messages: [],
      next_cursor: null,
    });
  });

  it("finds and erases a conversation by Dify's id, of its own user only", async () => {
    const { store, history } = historyOf(turns(2));
    const own = await history.listMessages(mine, 'session-1', {});
    for (const whose of [mine, 'everybody'] as const) {
      expect(await history.listMessages(whose, difysId, {})).toEqual(own);
    }
    const theirs = { id: bob.id };
    expect(await codeOf(history.listMessages(theirs, difysId, {}))).toBe('conversation-not-found');
    expect(await codeOf(history.deleteConversation(theirs, difysId))).toBe('conversation-not-found');
    expect(store.records).toHaveLength(2);
    await history.deleteConversation(mine, difysId);
    expect(store.records).toHaveLength(0);
  });

  it('finds a conversation by the id it was saved under, even if the id contains a NUL character', async () => {
    const { history } = historyOf([]);
    await history.saveError({ ...failure, conversationId: 'nul \0' });
    expect((await history.listMessages(mine, 'nul \0', {})).messages).toHaveLength(1);
  });

  it("returns conversation-not-found for an unknown conversation and for another user's", async () => {
    const { history } = historyOf(turns(1));
    const ids = ['session-2', '', 'x'.repeat(256), 'session-1\0'];
    for (const id of ids)
      expect(await codeOf(history.listMessages(mine, id, {}))).toBe('conversation-not-found');
    const others = history.listMessages({ id: bob.id }, 'session-1', {});
    expect(await codeOf(others)).toBe('conversation-not-found');
  });
});

describe('deleteConversation', () => {
  it("erases the caller's records of the conversation only", async () => {
    const { history, store } = historyOf([
      ...turns(2),
      ...turns(1, { conversationId: 'session-2' }),
      historyRecord({ recordId: 'bob', userDocumentId: bob.documentId }),
    ]);
    await history.deleteConversation(ada, 'session-1');
    expect(store.records.map(({ recordId }) => recordId)).toEqual(['session-2 turn 0', 'bob']);
    expect(await codeOf(history.deleteConversation(ada, 'session-1'))).toBe('conversation-not-found');
  });

  it('erases a record that a process with a fast clock saved', async () => {
    const { history, store } = historyOf([historyRecord({ createdAt: new Date(Date.now() + 5_000) })]);
    await history.deleteConversation(ada, 'session-1');
    expect(store.records).toEqual([]);
  });

  it('returns history-unavailable when the store cannot erase', async () => {
    const store = {
      ...createHistoryStoreInMemory(turns(1)),
      erase: () => Promise.reject(new Error('Read only.')),
    };
    const history = createHistoryAccess({ store, characters, users, sessions, retentionDays: 0 });
    expect(await codeOf(history.deleteConversation(ada, 'session-1'))).toBe('history-unavailable');
  });

  it('stores no erasure for an unknown conversation', async () => {
    const { history, store } = historyOf([]);
    expect(await codeOf(history.deleteConversation(ada, 'session-1'))).toBe('conversation-not-found');
    await store.save([historyRecord()]);
    expect(store.records).toHaveLength(1);
  });
});

describe('saveCompletion and saveError', () => {
  it('save a record under the id that they return', async () => {
    const { history, store } = historyOf([]);
    const at = (second: number) => ({ createdAt: new Date(Date.UTC(2026, 0, 2, 3, 4, second)) });
    const ids = [
      await history.saveCompletion({ ...completion, ...at(1) }),
      await history.saveError({ ...failure, ...at(2) }),
      await history.saveCompletion({ ...completion, ...at(3) }),
    ].map(({ recordId }) => recordId);
    expect(store.records.map(({ recordId }) => recordId)).toEqual(ids);
    expect(new Set(ids).size).toBe(3);
    const { messages } = await history.listMessages(mine, completion.conversationId, {});
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'user', 'assistant']);
  });

  it('save one record for repeated calls with one id', async () => {
    const { history, store } = historyOf([]);
    const own = { recordId: 'own', createdAt: new Date('2026-01-02T03:04:05Z') };
    for (let i = 0; i < 2; i += 1) {
      expect(await history.saveCompletion({ ...completion, ...own })).toEqual({ recordId: 'own' });
    }
    expect(store.records.map(({ recordId, createdAt }) => ({ recordId, createdAt }))).toEqual([own]);
  });
});

describe('tidy', () => {
  const never = new AbortController().signal;

  it('removes records older than the retention period', async () => {
    const { history, store } = historyOf([...turns(2), historyRecord({ createdAt: new Date() })], 30);
    expect(await history.tidy(never)).toBe(2);
    expect(store.records).toHaveLength(1);
  });

  it('removes nothing when no store is configured', async () => {
    expect(
      await createHistoryAccess({ store: null, characters, users, sessions, retentionDays: 30 }).tidy(never),
    ).toBe(0);
  });
});

describe('statistics', () => {
  it('returns the sums of one user or of everybody', async () => {
    const { history } = historyOf([
      ...turns(2),
      historyRecord({ recordId: 'bob', conversationId: 'session-2', userDocumentId: bob.documentId }),
    ]);
    const query = { from: '2026-01-01', to: '2026-01-31' };
    const own = await history.statistics(mine, query);
    expect([own.conversations, own.totals.records, own.characters[0]?.ai_character?.name]).toEqual([
      1,
      2,
      keeper.name,
    ]);
    const all = await history.statistics('everybody', query);
    expect([all.conversations, all.totals.records]).toEqual([2, 3]);
  });

  it('covers the last 30 days by default', async () => {
    const today = new Date().toISOString().slice(0, 10);
    const { days, from, to } = await historyOf([]).history.statistics(mine, {});
    expect([days.length, days[0]?.date, days.at(-1)?.date]).toEqual([30, from, to]);
    expect(to >= today).toBe(true);
  });

  it('covers up to 366 days', async () => {
    const { history } = historyOf([]);
    const { days } = await history.statistics(mine, { from: '2024-01-01', to: '2024-12-31' });
    expect(days).toHaveLength(366);
  });

  it.each([
    { from: '2023-12-31', to: '2024-12-31' },
    { from: '2026-02-30' },
    { from: '2026-1-1' },
    { to: 'yesterday' },
    { from: '2026-01-02', to: '2026-01-01' },
    { time_zone: 'Mars/Olympus' },
    { time_zone: '+01:00' },
    { time_zone: ['UTC', 'UTC'] },
  ])('returns invalid-request for the query %j', async (query) => {
    expect(await codeOf(historyOf([]).history.statistics(mine, query))).toBe('invalid-request');
  });
});

describe('history access without a working store', () => {
  const failing = new Proxy({} as HistoryStore, {
    get: () => () => Promise.reject(new Error('connect ECONNREFUSED with a secret')),
  });

  it.each([
    ['that fails', failing],
    ['that is null', null],
  ])('is unavailable with a store %s, and does not reveal the cause', async (_name, store) => {
    const history = createHistoryAccess({ store, characters, users, sessions, retentionDays: 0 });
    const calls = [
      history.listConversations(mine, {}),
      history.listMessages(mine, 'session-1', {}),
      history.deleteConversation(ada, 'session-1'),
      history.statistics(mine, {}),
      history.saveError({
        conversationId: 'a',
        userId: 1,
        messages: [{ role: 'user' }],
        model: 'm',
        errorCode: 500,
        errorMessage: '',
      }),
    ];
    for (const call of calls) {
      const error = (await thrown(() => call)) as ChatError;
      expect([error.code, error.status, error.retryAfterSeconds]).toEqual(['history-unavailable', 503, 5]);
      expect(error.message + JSON.stringify(error.details)).not.toContain('secret');
    }
  });

  it('still validates the request first', async () => {
    const history = createHistoryAccess({ store: failing, characters, users, sessions, retentionDays: 0 });
    expect(await codeOf(history.listConversations(mine, { limit: '0' }))).toBe('invalid-request');
  });
});
