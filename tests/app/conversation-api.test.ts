import { randomUUID } from 'node:crypto';

import { startApp, type App } from '../support/app';
import type { Client, Reply } from '../support/client';

let app: App;
let user: Client;
let characterId: string;

beforeAll(async () => {
  app = await startApp();
  user = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());

const uuid = expect.stringMatching(
  /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u,
);
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/u);

const post = (path: string, body?: unknown, as = user) => as.request('POST', path, { body });
const query = (params: Readonly<Record<string, string>>) => `?${new URLSearchParams(params).toString()}`;

async function createConversation(as = user): Promise<string> {
  return (await post('/conversations?new=true', undefined, as)).body.id;
}

const messagesOf = (id: string, rest = '', as = user) => as.get(`/conversations/${id}/messages${rest}`);

function expectError({ status, body }: Reply, expected: number, code: string): void {
  expect([status, body.data, body.error.status, body.error.details.code]).toEqual([
    expected,
    null,
    expected,
    code,
  ]);
}

describe.each(['', '/api'])('the conversation API under "%s"', (prefix) => {
  it('creates a conversation once and then returns the same one', async () => {
    const owner = await app.createUser();
    const path = `${prefix}/conversations?user_id=${owner.user.id}`;
    const { status, body } = await post(path, undefined, owner);
    expect(status).toBe(200);
    expect(body).toEqual({
      id: uuid,
      user_id: String(owner.user.id),
      created_at: time,
      updated_at: time,
    });
    expect((await post(path, undefined, owner)).body).toEqual(body);
    expect((await owner.get(`${prefix}/users/${owner.user.documentId}/conversations`)).body).toEqual([body]);
  });

  it('adds messages by query parameters and lists them', async () => {
    const id = await createConversation();
    const calls = [{ id: 'call_1', type: 'function', function: { name: 'add_task', arguments: '{}' } }];
    const said = [
      { role: 'user', content: 'Hello & 你好, 100%?' },
      { role: 'assistant', content: 'I can help you.', tool_calls: JSON.stringify({ calls }) },
      { role: 'tool', content: '{"ok":true}', tool_calls: JSON.stringify(calls) },
    ];
    const replies = [];
    for (const params of said) {
      const { status, body } = await post(`${prefix}/conversations/${id}/messages${query(params)}`);
      expect(status).toBe(200);
      expect(body).toEqual({
        id: uuid,
        conversation_id: id,
        role: params.role,
        content: params.content,
        tool_calls: params.tool_calls === undefined ? null : JSON.parse(params.tool_calls),
        created_at: time,
        updated_at: time,
      });
      replies.push(body);
    }
    const history = await user.get(`${prefix}/conversations/${id}/messages`);
    expect(history.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(history.body).toEqual(replies);
  });
});

describe('POST /conversations', () => {
  it('returns the conversation that was used last', async () => {
    const owner = await app.createUser();
    const first = await createConversation(owner);
    const second = await createConversation(owner);
    const latest = async () => (await post('/conversations', {}, owner)).body.id;
    expect(await latest()).toBe(second);
    await post(`/conversations/${first}/messages`, { role: 'user', content: 'Hello' }, owner);
    expect(await latest()).toBe(first);
    await owner.request('DELETE', `/api/chat/sessions/${first}`);
    expect(await latest()).toBe(second);
  });

  it('creates one conversation for eight concurrent requests', async () => {
    const owner = await app.createUser();
    const replies = await Promise.all(Array.from({ length: 8 }, () => post('/conversations', {}, owner)));
    expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
  });

  it('accepts user_id and new in the query string or in the body', async () => {
    const owner = await app.createUser();
    const { id, documentId } = owner.user;
    const got = (await post('/conversations', { user_id: id }, owner)).body.id;
    for (const reply of [
      await post(`/conversations?user_id=${documentId}&new=false`, undefined, owner),
      await post('/conversations', { user_id: String(id) }, owner),
      await post('/conversations?user_id=nobody', { user_id: documentId, new: false }, owner),
    ]) {
      expect(reply.body.id).toBe(got);
    }
    const made = [
      await post('/conversations?new=1', undefined, owner),
      await post('/conversations', { user_id: id, new: true }, owner),
    ].map(({ body }) => body.id);
    expect(new Set([got, ...made]).size).toBe(3);
    expectError(await post('/conversations?new=perhaps', undefined, owner), 400, 'invalid-request');
    expectError(await post('/conversations', [], owner), 400, 'invalid-request');
  });
});

describe('the conversations of a user', () => {
  it('are listed with the newest one first, all together or in part by limit and offset', async () => {
    const owner = await app.createUser();
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.unshift(await createConversation(owner));
    const list = async (rest = '') =>
      (await owner.get(`/users/${owner.user.id}/conversations${rest}`)).body.map(
        ({ id }: { id: string }) => id,
      );
    expect(await list()).toEqual(ids);
    expect(await list('?limit=2&offset=1')).toEqual(ids.slice(1, 3));
    expect(await list('?offset=9')).toEqual([]);
    expect(await list('?limit=1001')).toEqual(ids);
    for (const rest of ['?limit=0', '?limit=x', '?offset=-1', '?offset=1.5']) {
      expectError(await owner.get(`/users/${owner.user.id}/conversations${rest}`), 400, 'invalid-request');
    }
  });
});

describe('messages', () => {
  it('are also accepted in a JSON body, with tool_calls as JSON or as JSON text', async () => {
    const id = await createConversation();
    const add = async (body: object) => (await post(`/conversations/${id}/messages`, body)).body;
    expect(await add({ role: 'user', content: 'In the body' })).toMatchObject({
      content: 'In the body',
      tool_calls: null,
    });
    for (const tool_calls of [{ name: 'x', arguments: { a: 1 } }, [{ name: 'x' }], {}]) {
      expect(await add({ role: 'assistant', content: '', tool_calls })).toMatchObject({
        content: '',
        tool_calls,
      });
      const text = JSON.stringify(tool_calls);
      expect(await add({ role: 'assistant', content: '', tool_calls: text })).toMatchObject({ tool_calls });
    }
    expect(await add({ role: 'user', content: 'none', tool_calls: 'null' })).toMatchObject({
      tool_calls: null,
    });
  });

  it('are listed in the order they were sent, all together or in parts by limit and after', async () => {
    const id = await createConversation();
    const { id: rowId } = await app.db('chat_sessions').where({ session_id: id }).first('id');
    const template = { user_id: user.user.id, session_id: rowId, role: 'user', is_deleted: false };
    const rows = Array.from({ length: 250 }, (_, i) => ({
      ...template,
      document_id: randomUUID().replaceAll('-', '').slice(0, 24),
      message_id: `msg_${randomUUID()}`,
      query: `line ${i + 1}`,
      created_at: new Date(),
      updated_at: new Date(),
    }));
    await app.db.batchInsert('chat_conversations', rows, 50);
    const all = (await messagesOf(id)).body;
    const contents = all.map(({ content }: { content: string }) => content);
    expect(contents).toEqual(rows.map(({ query: text }) => text));
    expect(new Set(all.map((message: { id: string }) => message.id)).size).toBe(250);

    const walked: unknown[] = [];
    for (let after = ''; ;) {
      const part = (await messagesOf(id, `?limit=120${after}`)).body;
      walked.push(...part);
      if (part.length < 120) break;
      after = `&after=${part.at(-1).id}`;
    }
    expect(walked).toEqual(all);
  });

  it('keep their id after an edit and after Dify gives them a message_id', async () => {
    const { body } = await user.ask({ character_id: characterId, query: 'What is your id?' });
    const id = body.data[0].session_id;
    const before = (await messagesOf(id)).body;
    await user.request('PATCH', `/api/chat/messages/${body.data[0].id}`, { body: { new_content: 'Edited' } });
    await app.db('chat_conversations').where({ id: body.data[1].id }).update({ message_id: randomUUID() });
    const after = (await messagesOf(id)).body;
    const ids = (list: { id: string }[]) => list.map((message) => message.id);
    expect(ids(after)).toEqual(ids(before));
    expect(after[0].content).toBe('Edited');
  });

  it('are an empty list in a new conversation', async () => {
    expect((await messagesOf(await createConversation())).body).toEqual([]);
  });
});

describe('the conversation API and the other APIs', () => {
  it('share the turns of create-message', async () => {
    const { body } = await user.ask({ character_id: characterId, query: 'Through the other API' });
    const [question, answer] = body.data;
    expect((await messagesOf(question.session_id)).body).toMatchObject([
      { role: 'user', content: 'Through the other API', conversation_id: question.session_id },
      { role: 'assistant', content: answer.answer, tool_calls: null },
    ]);
  });

  it('share an added message, and create-message can continue its conversation', async () => {
    const id = await createConversation();
    await post(`/conversations/${id}/messages`, { role: 'tool', content: '42', tool_calls: [{ id: 'c' }] });
    const [stored] = (await user.myList(`?filters[session_id]=${id}`)).body.data;
    expect(stored).toMatchObject({ role: 'tool', answer: '42', tool_calls: [{ id: 'c' }] });
    expect((await user.get(`/api/chat/sessions/${id}`)).body.data.message_count).toBe(1);
    const { status } = await user.ask({ character_id: characterId, query: 'Go on', session_id: id });
    expect(status).toBe(200);
    expect((await messagesOf(id)).body).toHaveLength(3);
  });

  it('share the deletion of a message or a session', async () => {
    const id = await createConversation();
    await post(`/conversations/${id}/messages`, { role: 'user', content: 'one' });
    const [message] = (await user.myList(`?filters[session_id]=${id}`)).body.data;
    await user.request('DELETE', `/api/chat/messages/${message.id}`);
    expect((await messagesOf(id)).body).toEqual([]);
    await user.request('DELETE', `/api/chat/sessions/${id}`);
    expectError(await messagesOf(id), 404, 'session-not-found');
  });
});

const message = { role: 'user', content: 'x' };
const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

describe('the conversation API', () => {
  it.each([
    '1',
    'x',
    'undefined',
    '%00',
    "'%20or%201=1--",
    `${'0'.repeat(36)}`,
    '%F0%9F%92%A5',
    '9'.repeat(300),
  ])('returns 400 for a conversation_id that is not a UUID: %s', async (id) => {
    expectError(await messagesOf(id), 400, 'invalid-request');
    expectError(await post(`/conversations/${id}/messages`, message), 400, 'invalid-request');
  });

  it.each<[string, unknown]>([
    ['no role', { content: 'x' }],
    ['an unknown role', { role: 'system', content: 'x' }],
    ['a role that is not text', { role: { $ne: 1 }, content: 'x' }],
    ['no content', { role: 'user' }],
    ['blank content', { role: 'user', content: ' \n' }],
    ['content of zero-width characters', { role: 'user', content: '\u200b\ufeff' }],
    ['content that is not text', { role: 'user', content: 7 }],
    ['content that is too long', { role: 'user', content: 'x'.repeat(20_001) }],
    ['tool_calls that are not JSON', { ...message, tool_calls: '{"a":' }],
    ['tool_calls that are a number', { ...message, tool_calls: 7 }],
    ['tool_calls that are a JSON string', { ...message, tool_calls: '"text"' }],
    ['tool_calls that are too long', { ...message, tool_calls: ['x'.repeat(20_000)] }],
    ['tool_calls that are nested too deep', { ...message, tool_calls: deep(100_000) }],
    ['a body that is a list', [message]],
  ])('returns 400 for a message with %s, and saves nothing', async (_name, body) => {
    const id = await createConversation();
    expectError(await post(`/conversations/${id}/messages`, body), 400, 'invalid-request');
    expect((await messagesOf(id)).body).toEqual([]);
  });

  it('returns 400 for a message with repeated or nested query parameters', async () => {
    const id = await createConversation();
    for (const rest of [
      '?role=user&content=a&content=b',
      '?role[]=user&content=a',
      '?role=user&content[a]=b',
    ]) {
      expectError(await post(`/conversations/${id}/messages${rest}`), 400, 'invalid-request');
    }
  });

  it.each(['limit=0', 'limit=x', 'limit=1.5', 'after=1', 'after=x', `after=${randomUUID()}`])(
    'returns 400 for a list of messages by %s',
    async (rest) => {
      expectError(await messagesOf(await createConversation(), `?${rest}`), 400, 'invalid-request');
    },
  );

  it('replaces NUL and unpaired surrogates with U+FFFD', async () => {
    const id = await createConversation();
    const reply = await post(`/conversations/${id}/messages?role=user&content=a%00b`);
    expect(reply.body.content).toBe('a\uFFFDb');
    const { body } = await post(`/conversations/${id}/messages`, {
      ...message,
      tool_calls: { 'a\0': '\ud800' },
    });
    expect(body.tool_calls).toEqual({ 'a\uFFFD': '\uFFFD' });
  });

  it("returns 403 for another user's user_id", async () => {
    const other = await app.createUser();
    for (const id of [String(other.user.id), other.user.documentId, '0', '-1', 'nobody', '%00']) {
      expectError(await post(`/conversations?user_id=${id}`), 403, 'not-yourself');
      expectError(await user.get(`/users/${id}/conversations`), 403, 'not-yourself');
    }
    expect((await other.get(`/users/${other.user.id}/conversations`)).body).toEqual([]);
  });

  it("returns the same 404 for another user's and an unknown conversation", async () => {
    const other = await app.createUser();
    const theirs = await createConversation(other);
    await post(`/conversations/${theirs}/messages`, message, other);
    for (const call of [
      (id: string) => messagesOf(id),
      (id: string) => post(`/conversations/${id}/messages`, message),
    ]) {
      const [foreign, unknown] = [await call(theirs), await call(randomUUID())];
      expectError(foreign, 404, 'session-not-found');
      expect(foreign.text).toBe(unknown.text);
    }
    expect((await messagesOf(theirs, '', other)).body).toHaveLength(1);
  });

  it('returns 401 to all requests without a login', async () => {
    const id = randomUUID();
    for (const reply of [
      await post('/conversations', {}, app.anonymous),
      await post(`/conversations/${id}/messages`, message, app.anonymous),
      await messagesOf(id, '', app.anonymous),
      await app.anonymous.get('/users/1/conversations'),
    ]) {
      expectError(reply, 401, 'unauthorized');
    }
  });
});
