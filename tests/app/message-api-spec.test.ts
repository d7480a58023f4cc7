/**
 * The whole contract of create-message and my-list as a table: requests with their parameters, replies, errors and the
 * tables of the database. create-message.test.ts and my-list.test.ts test all other behaviour.
 */
import { startApp, type App } from '../support/app';
import { createClient, terminalsOf, type Client, type Reply } from '../support/client';
import { differences, type Documented } from '../support/documented';
import { removePrompt } from '../support/remove-prompt';

let app: App;
let user: Client;
let other: Client;
let ada: { documentId: string; id: number };
let lin: { documentId: string; id: number };
/** The Dify conversation of the first question. */
let conversationId: string;

const questions = ['你好，请介绍一下你自己', 'Say HELLO', 'hello again'];

beforeAll(async () => {
  app = await startApp();
  ada = await app.admin.createCharacter({ name: 'Ada', introduce: 'I compute.' });
  lin = await app.admin.createCharacter({ name: '林', introduce: '我写诗。' });
  [user, other] = [await app.createUser(), await app.createUser()];
  const [first] = (await user.ask({ character_id: ada.documentId, query: questions[0] })).body.data;
  conversationId = first.conversation_id;
  await user.ask({ character_id: lin.documentId, query: questions[1] });
  const [read] = (await user.ask({ character_id: ada.documentId, query: questions[2] })).body.data;
  const path = `/api/chat-conversations/messages/${read.message_id}/read`;
  await user.request('PUT', path);
  await other.ask({ character_id: ada.documentId, query: `${questions[0]}!` });
});
afterAll(() => app.stop());

const character = { id: 1, name: 'AI', prompt: 'You are an AI.', introduce: 'I am an AI.' };
const account = { id: 1, username: 'user123', email: 'user@example.com' };
const message = {
  id: 1,
  message_id: 'msg_1234567890_abc123',
  query: questions[0],
  answer: 'An answer',
  conversation_id: '1234567890',
  ai_character: character,
  createdAt: '2024-01-01T00:00:00.000Z',
  updatedAt: '2024-01-01T00:00:00.000Z',
};

/** Keys that replies have in addition to the documented ones. */
const more = [
  ...['documentId', 'role', 'session_id', 'turn_id', 'message_status', 'outcome', 'error_code', 'tool_calls'],
  ...['files', 'usage', 'feedback', 'parent_message_id', 'is_superseded', 'thread_restarted'],
];
const extra = {
  ai_character: ['documentId', 'opening_statement', 'suggested_questions'],
  user: ['documentId'],
};
/** Ids are texts of any form: those of the sample are not of Dify's form. */
const anyId = { message_id: '…', conversation_id: '…' };
const pair: Documented = {
  sample: {
    data: [
      { ...message, ...anyId },
      { ...message, ...anyId },
    ],
  },
  same: ['query'],
  extra: { ...extra, data: ['user', ...more] },
};
const listOf = (pagination: object): Documented => ({
  sample: { data: [{ ...message, ...anyId, query: '…', user: account }], meta: { pagination } },
  same: Object.keys(pagination),
  extra: { ...extra, data: more, meta: ['nextCursor'] },
});

const ask = (data: unknown, as = user, headers = {}): Promise<Reply> =>
  as.request('POST', '/api/chat-conversations/create-message', { body: { data }, headers });
const list = (query: string, as = user): Promise<Reply> => as.myList(query);

describe('create-message', () => {
  it.each([
    ['the documentId', () => ada.documentId],
    ['the numeric id as text', () => String(ada.id)],
  ])('returns the documented pair of messages for a character_id that is %s', async (_form, id) => {
    const { status, body } = await ask({ character_id: id(), query: questions[0] });
    expect([status, differences(body, pair)]).toEqual([200, []]);
    const [question, answer] = body.data;
    expect([question.answer, question.conversation_id]).toEqual([answer.answer, answer.conversation_id]);
    expect(question.message_id).not.toBe(answer.message_id);
  });

  it('uses the ids that Dify sends', async () => {
    const [, answer] = (await ask({ character_id: ada.documentId, query: questions[0] })).body.data;
    // Dify has the answer under its id in the conversation with this id.
    expect(app.dify.messages(answer.conversation_id)).toMatchObject([{ id: answer.message_id }]);
  });

  it('sends Dify the prompt and the question, and saves both messages', async () => {
    const { data } = (await ask({ character_id: ada.documentId, query: 'Saved?' })).body;
    const sent = app.dify.requests.filter(({ path }) => path === '/v1/chat-messages').at(-1);
    expect(sent?.body).toMatchObject({ query: 'Saved?', inputs: { prompt: expect.any(String) } });
    const rows = await app.db('chat_conversations').where({ query: 'Saved?' }).orderBy('id');
    expect(rows.map(({ message_id, message_status }) => [message_id, message_status])).toEqual(
      data.map(({ message_id }: { message_id: string }) => [message_id, 'sent']),
    );
    await app.db('chat_conversations').where({ query: 'Saved?' }).delete();
  });

  it('ends an event stream with the documented pair of messages', async () => {
    const events = await user.streamAll({ character_id: ada.documentId, query: questions[0] });
    const [end] = terminalsOf(events);
    expect(differences({ data: end?.data.data }, pair)).toEqual([]);
  });
});

describe('my-list', () => {
  const today = new Date().toISOString().slice(0, 10);
  const year = new Date().getUTCFullYear();
  let reader: Client;
  beforeAll(async () => {
    // No other test asks for this user, so the number of messages is known.
    reader = await app.createUser();
    for (const [index, query] of questions.entries()) {
      const [question] = (await ask({ character_id: (index === 1 ? lin : ada).documentId, query }, reader))
        .body.data;
      if (index === 0) conversationId = question.conversation_id;
      if (index === 2)
        await reader.request('PUT', `/api/chat-conversations/messages/${question.message_id}/read`);
    }
  });

  const range = `filters[createdAt][$gte]=${year}-01-01&filters[createdAt][$lte]=${year}-12-31T23:59:59`;
  const byAda = () => `filters[ai_character][id][$eq]=${ada.id}`;

  /** [what, query, number of messages, page, page size] */
  it.each<[string, () => string, number, number, number]>([
    ['nothing: page 1 of 20', () => '', 6, 1, 20],
    ['page and pageSize', () => '?page=1&pageSize=20', 6, 1, 20],
    ['a later page', () => '?page=2&pageSize=4', 6, 2, 4],
    ['ai_character.id $eq', () => `?${byAda()}`, 4, 1, 20],
    ['pages and ai_character.id', () => `?page=1&pageSize=20&${byAda()}`, 4, 1, 20],
    ['conversation_id $eq', () => `?filters[conversation_id][$eq]=${conversationId}`, 2, 1, 20],
    ['message_status $eq sent', () => '?filters[message_status][$eq]=sent', 5, 1, 20],
    ['message_status $eq read', () => '?filters[message_status][$eq]=read', 1, 1, 20],
    ['createdAt $gte', () => `?filters[createdAt][$gte]=${today}`, 6, 1, 20],
    ['createdAt $gte and $lte', () => `?${range}`, 6, 1, 20],
    ['query $containsi', () => `?filters[query][$containsi]=${encodeURIComponent('你好')}`, 2, 1, 20],
    ['query $containsi in any case', () => '?filters[query][$containsi]=Hello', 4, 1, 20],
    [
      'several filters and a page',
      () => `?${byAda()}&filters[createdAt][$gte]=${today}&page=1&pageSize=15`,
      4,
      1,
      15,
    ],
  ])('returns the documented page for %s', async (_what, query, total, page, pageSize) => {
    const { status, body } = await list(query(), reader);
    const pagination = { page, pageSize, pageCount: Math.ceil(total / pageSize), total };
    expect([status, differences(body, listOf(pagination))]).toEqual([200, []]);
    for (const { user: owner } of body.data) expect(owner.id).toBe(reader.user.id);
  });

  it.each([
    ['createdAt $lte', 'filters[createdAt][$lte]=2024-12-31'],
    ['the id of another user', 'filters[user][id][$eq]=:other'],
    ['a page after the last one', 'page=9'],
  ])('returns an empty page for %s', async (_what, query) => {
    const { status, body } = await list(`?${query.replace(':other', String(other.user.id))}`, reader);
    expect([status, body.data]).toEqual([200, []]);
  });

  it.each([
    ['createdAt:asc', 1],
    ['createdAt:desc', -1],
  ])('sorts by %s', async (sort, direction) => {
    const ids: number[] = (await list(`?sort=${sort}`, reader)).body.data.map(({ id }: { id: number }) => id);
    expect(ids).toEqual([...ids].sort((a, b) => direction * (a - b)));
  });
});

/** The documented error has `message` and `status`. Strapi adds `data`, `name` and `details`. */
const refusal = (status: number): Documented => ({
  sample: { error: { message: '…', status } },
  same: ['status'],
  extra: { '': ['data'], error: ['name', 'details'] },
});

describe('the documented error', () => {
  it.each([
    ['create-message', (as: Client) => ask({ character_id: ada.documentId, query: 'Hi' }, as)],
    ['my-list', (as: Client) => list('', as)],
  ])('is 401 for %s without a token and with a wrong one', async (_name, send) => {
    for (const token of [undefined, 'nonsense']) {
      const { status, body } = await send(createClient(app.url, token));
      expect([status, differences(body, refusal(401))]).toEqual([401, []]);
    }
  });

  it.each<[string, () => Promise<unknown>]>([
    ['no character_id', async () => ({ query: 'Hi' })],
    ['no query', async () => ({ character_id: ada.documentId })],
    ['an unknown character', async () => ({ character_id: '999999', query: 'Hi' })],
    [
      'a character without a prompt',
      async () => {
        const { documentId } = await app.admin.createCharacter({ name: 'Mute' });
        await removePrompt(app, documentId);
        return { character_id: documentId, query: 'Hi' };
      },
    ],
  ])('is 400 for create-message with %s, also for an event stream', async (_what, data) => {
    const sent = await data();
    for (const Accept of ['application/json', 'text/event-stream']) {
      const { status, body } = await ask(sent, user, { Accept });
      expect([status, differences(body, refusal(400))]).toEqual([400, []]);
    }
  });

  it('is 500 for an error of the database', async () => {
    await app.db.schema.renameTable('chat_conversations', 'chat_conversations_away');
    try {
      for (const { status, body } of [
        await ask({ character_id: ada.documentId, query: 'Hi' }),
        await list(''),
      ]) {
        expect([status, differences(body, refusal(500))]).toEqual([500, []]);
      }
    } finally {
      await app.db.schema.renameTable('chat_conversations_away', 'chat_conversations');
    }
  });
});

describe('the documented tables', () => {
  it.each([
    [
      'chat_conversations',
      ['id', 'message_id', 'query', 'answer', 'conversation_id', 'ai_character_document_id', 'user_id'],
    ],
    ['chat_conversations', ['message_status', 'created_at', 'updated_at']],
    ['ai_characters', ['id', 'name', 'prompt', 'introduce', 'created_at', 'updated_at']],
  ])('exist: %s with the columns %j', async (table, columns) => {
    const existing = Object.keys(await app.db(table).columnInfo());
    expect(columns.filter((column) => !existing.includes(column))).toEqual([]);
  });

  it('refuse a second row with the same message_id', async () => {
    const row = await app.db('chat_conversations').first('message_id');
    const twin = app.db('chat_conversations').insert({ message_id: row.message_id, query: 'x' });
    // Jest does not know the errors of SQLite as errors if another file of the same worker has loaded its driver.
    await expect(twin).rejects.toMatchObject({ message: expect.stringMatching(/unique/iu) });
  });
});
