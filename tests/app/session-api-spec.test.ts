/**
 * The whole contract of the session API as a table: each documented request and its documented reply. The file
 * session-api.test.ts tests everything else.
 */
import { randomUUID } from 'node:crypto';

import { startApp, type App } from '../support/app';
import { createClient, type Client, type Reply } from '../support/client';
import { differences, type Documented } from '../support/documented';
import { connect, refusalOf } from '../support/socket-client';
import { runInStrapi } from '../support/strapi-script';

let app: App;
let user: Client;
let other: Client;
let ids: Ids;

/** Ids for the requests below. */
interface Ids {
  readonly user: string;
  /** A session with five messages. The first one is `message`. */
  readonly session: string;
  readonly message: string;
  /** A session with more than 50 messages. */
  readonly long: string;
  /** The id of another user. */
  readonly stranger: string;
}

beforeAll(async () => {
  app = await startApp();
  [user, other] = [await app.createUser(), await app.createUser()];
  ids = await createIds(user);
});
afterAll(() => app.stop());

const documentedTitle = '技术讨论';
const messagesOfLong = 53;
const sessionsInAll = 24;

async function createIds(owner: Client): Promise<Ids> {
  const create = async (title: string) =>
    (await owner.post('/api/chat/session', { title })).body.data.session_id;
  const say = async (session_id: string, content: string) =>
    (await owner.post('/api/chat/message', { session_id, content, role: 'user' })).body.data.message_id;
  for (let i = 1; i <= sessionsInAll - 2; i += 1) await create(`number ${i}`);
  const session = await create(documentedTitle);
  const message = await say(session, '你好！');
  for (let i = 2; i <= 5; i += 1) await say(session, `line ${i}`);
  const long = await create('long');
  for (let i = 1; i <= messagesOfLong; i += 1) await say(long, `line ${i}`);
  return {
    user: String(owner.user.id),
    session,
    message: String(message),
    long,
    stranger: String(other.user.id),
  };
}

const chatSession = {
  session_id: '123e4567-e89b-12d3-a456-426614174000',
  user_id: '542738228948500480',
  title: documentedTitle,
  message_count: 5,
  created_at: '2024-01-01T00:00:00Z',
  updated_at: '2024-01-01T00:00:00Z',
  is_deleted: false,
};
const { user_id: _userId, ...foundSession } = chatSession;
const { updated_at: _updatedAt, is_deleted: _isDeleted, ...listedSession } = foundSession;
const chatMessage = {
  message_id: 1,
  content: '你好！',
  role: 'user',
  created_at: '2024-01-01T00:00:00Z',
};
const success = (data: unknown) => ({ code: 200, message: 'success', data });
const page = (item: unknown, pageSize: number) => ({
  items: [item],
  total: 100,
  page: 1,
  page_size: pageSize,
});

const ownSessionKeys = ['conversation_id', 'ai_character', 'live_turn_id', 'last_message_at'];

/** Keys that replies have in addition to the documented ones. */
const more = {
  session: ownSessionKeys,
  found: ['user_id', ...ownSessionKeys],
  listed: ['user_id', 'updated_at', 'is_deleted', ...ownSessionKeys],
  message: [
    ...['public_id', 'session_id', 'tool_calls', 'turn_id', 'outcome', 'message_status'],
    ...['parent_message_id', 'updated_at', 'is_deleted', 'is_superseded', 'thread_restarted'],
  ],
};
const envelope = ['code', 'message'];

interface Call extends Documented {
  readonly name: string;
  readonly method: string;
  readonly path: (ids: Ids) => string;
  readonly body?: (ids: Ids) => unknown;
}

const createdSession: Pick<Call, 'body' | 'sample' | 'same' | 'extra'> = {
  body: (ids) => ({ user_id: ids.user, title: documentedTitle }),
  sample: success({ ...chatSession, message_count: 0 }),
  same: [...envelope, 'title', 'message_count', 'is_deleted'],
  extra: { data: more.session },
};
const renamed: Pick<Call, 'body' | 'sample' | 'same'> = {
  body: () => ({ new_title: '更新后的标题' }),
  sample: success('标题更新成功'),
  same: [...envelope, 'data'],
};
const withMessages = { ...chatSession, messages: [chatMessage] };

/** In the order of the document. No call reads data that an earlier call changes. */
const calls: readonly Call[] = [
  { name: '创建会话', method: 'POST', path: () => '/api/chat/session', ...createdSession },
  {
    name: '获取单个会话',
    method: 'GET',
    path: ({ session }) => `/api/chat/sessions/${session}`,
    sample: success(foundSession),
    same: [...envelope, 'title', 'message_count', 'is_deleted'],
    extra: { data: more.found },
  },
  {
    name: '批量获取会话',
    method: 'POST',
    path: () => '/api/chat/sessions',
    body: (ids) => ({ user_id: ids.user, page: 1, page_size: 50 }),
    sample: success([listedSession]),
    same: envelope,
    extra: { data: more.listed },
  },
  {
    name: '发送消息',
    method: 'POST',
    path: () => '/api/chat/message',
    body: ({ session }) => ({ session_id: session, content: '如何学习Python？', role: 'user' }),
    sample: success({ ...chatMessage, content: '如何学习Python？' }),
    same: [...envelope, 'content', 'role'],
    extra: { data: more.message },
  },
  {
    name: '获取单个消息',
    method: 'GET',
    path: ({ session, message }) => `/api/chat/sessions/${session}/messages/${message}`,
    sample: success(chatMessage),
    same: [...envelope, 'content', 'role'],
    extra: { data: more.message },
  },
  ...['', '?page=1&pageSize=50', '?page=1&page_size=50'].map((query) => ({
    name: `获取批量消息 ${query}`,
    method: 'GET',
    path: ({ session }: Ids) => `/api/chat/sessions/${session}/messages${query}`,
    sample: success(page(chatMessage, 50)),
    same: [...envelope, 'role', 'page', 'page_size'],
    extra: { items: more.message },
  })),
  {
    name: '修改消息',
    method: 'PATCH',
    path: ({ message }) => `/api/chat/messages/${message}`,
    body: () => ({ new_content: '更新后的消息内容' }),
    sample: success('消息编辑成功'),
    same: [...envelope, 'data'],
  },
  {
    name: '更新会话标题',
    method: 'PATCH',
    path: ({ session }) => `/api/chat/sessions/${session}`,
    ...renamed,
  },
  ...['/aichat', '/api/aichat'].flatMap((prefix): readonly Call[] => [
    {
      name: `获取会话列表api ${prefix}`,
      method: 'GET',
      path: (ids) => `${prefix}/getsessionlist/${ids.user}`,
      sample: success(page(chatSession, 20)),
      same: [...envelope, 'page', 'page_size', 'is_deleted'],
      extra: { items: more.session },
    },
    {
      name: `获取单个会话api ${prefix}`,
      method: 'GET',
      path: ({ session }) => `${prefix}/sessions/${session}`,
      sample: success(withMessages),
      same: [...envelope, 'role', 'is_deleted'],
      extra: { data: more.session, messages: more.message },
    },
    {
      name: `创建会话api ${prefix}`,
      method: 'POST',
      path: () => `${prefix}/createsession`,
      ...createdSession,
    },
    {
      name: `更新会话标题api ${prefix}`,
      method: 'PATCH',
      path: ({ session }) => `${prefix}/sessions/${session}`,
      ...renamed,
    },
    {
      name: `获取会话消息api ${prefix}`,
      method: 'GET',
      path: ({ session }) => `${prefix}/sessions/${session}/messages`,
      sample: success(page(chatMessage, 50)),
      same: [...envelope, 'role', 'page', 'page_size'],
      extra: { items: more.message },
    },
  ]),
];

/** Each deletion gets its own session, with one message. */
const deletions: readonly Call[] = [
  ...['/api/chat/sessions', '/aichat/deletesession', '/api/aichat/deletesession'].map((path) => ({
    name: `删除会话 ${path}`,
    method: 'DELETE',
    path: ({ session }: Ids) => `${path}/${session}`,
    sample: success('会话删除成功'),
    same: [...envelope, 'data'],
  })),
  {
    name: '删除消息',
    method: 'DELETE',
    path: ({ message }) => `/api/chat/messages/${message}`,
    sample: success('消息删除成功'),
    same: [...envelope, 'data'],
  },
];

const send = ({ method, path, body }: Call, about: Ids, as = user): Promise<Reply> =>
  as.request(method, path(about), body === undefined ? {} : { body: body(about) });

describe('the session API', () => {
  it.each(calls)('returns the documented reply to $method $name', async (call) => {
    const { status, body } = await send(call, ids);
    expect(differences(body, call)).toEqual([]);
    expect(status).toBe(200);
  });

  it.each(deletions)('returns the documented reply to $method $name', async (call) => {
    const { session_id: session } = (await user.post('/api/chat/session', {})).body.data;
    const { data } = (await user.post('/api/chat/message', { session_id: session, content: 'x' })).body;
    const { body } = await send(call, { ...ids, session, message: data.message_id });
    expect(differences(body, call)).toEqual([]);
    const gone = await user.get(`/api/chat/sessions/${session}/messages/${data.message_id}`);
    expect([gone.status, (await send(call, { ...ids, session, message: data.message_id })).status]).toEqual([
      404, 404,
    ]);
  });

  it.each(['/aichat', '/api/aichat'])(
    'returns the documented reply to GET 获取会话列表(用于消息首屏加载) %s',
    async (prefix) => {
      const owner = await app.createUser();
      const { session_id } = (await owner.post('/api/chat/session', { title: documentedTitle })).body.data;
      await owner.post('/api/chat/message', { session_id, content: '你好！', role: 'user' });
      const { body } = await owner.get(`${prefix}/getsessionlistshow/${owner.user.id}`);
      const documented = {
        sample: success(page(withMessages, 20)),
        same: [...envelope, 'title', 'content', 'role', 'page', 'page_size', 'is_deleted'],
        extra: { items: more.session, messages: more.message },
      };
      expect(differences(body, documented)).toEqual([]);
    },
  );

  it.each(['/ws', '/api/ws'])('serves %s/:session_id as a WebSocket of the session', async (path) => {
    const device = await connect(app.url, `${path}/${ids.long}`, { token: user.token });
    expect((await device.until(({ event }) => event === 'connected'))['session_id']).toBe(ids.long);
    await device.leave();
  });
});

describe('the documented parameters', () => {
  let reader: Client;
  let read: Ids;
  // No other test creates sessions of this user, so their number is known.
  beforeAll(async () => {
    reader = await app.createUser();
    read = await createIds(reader);
  });

  const list = (query: string) => reader.get(`/aichat/getsessionlist/${read.user}${query}`);
  const show = (query: string) => reader.get(`/aichat/getsessionlistshow/${read.user}${query}`);
  const post = (body: object) => reader.post('/api/chat/sessions', { user_id: read.user, ...body });
  const lines = (query: string) => reader.get(`/api/chat/sessions/${read.long}/messages${query}`);
  const viewed = (query: string) => reader.get(`/aichat/sessions/${read.long}/messages${query}`);

  /** [name, request, number of items, page and size, first message]. The messages of `long` are numbered. */
  it.each<[string, () => Promise<Reply>, number, readonly [number, number] | null, string | null]>([
    ['a list of sessions: 20 of the first page', () => list(''), 20, [1, 20], null],
    ['its page', () => list('?page=2&page_size=20'), 4, [2, 20], null],
    ['its page_size', () => list('?page_size=7'), 7, [1, 7], null],
    ['its pageSize', () => list('?page=3&pageSize=9'), 6, [3, 9], null],
    ['a first screen: 20 of the first page', () => show(''), 20, [1, 20], null],
    ['its page and page_size', () => show('?page=2&page_size=10'), 10, [2, 10], null],
    ['sessions by POST: 20 of the first page', () => post({}), 20, null, null],
    ['its page and page_size by POST', () => post({ page: 2, page_size: 20 }), 4, null, null],
    ['its page_size of 50, as documented', () => post({ page: 1, page_size: 50 }), 24, null, null],
    ['its pageSize by POST', () => post({ pageSize: 3 }), 3, null, null],
    ['messages: 50 of the first page', () => lines(''), 50, [1, 50], 'line 1'],
    ['their page', () => lines('?page=2'), 3, [2, 50], 'line 51'],
    ['their page and pageSize, as documented', () => lines('?page=2&pageSize=50'), 3, [2, 50], 'line 51'],
    ['their page_size', () => lines('?page=2&page_size=10'), 10, [2, 10], 'line 11'],
    ['messages of the view: 50 of the first page', () => viewed(''), 50, [1, 50], 'line 1'],
    ['their page and pageSize in the view', () => viewed('?page=4&pageSize=15'), 8, [4, 15], 'line 46'],
    ['their page_size in the view', () => viewed('?page=1&page_size=2'), 2, [1, 2], 'line 1'],
  ])('are applied: %s', async (_name, request, count, pageAndSize, first) => {
    const { data } = (await request()).body;
    const items = Array.isArray(data) ? data : data.items;
    if (pageAndSize !== null) expect([data.page, data.page_size]).toEqual(pageAndSize);
    if (first !== null) expect([items[0].content, data.total]).toEqual([first, messagesOfLong]);
    expect(items).toHaveLength(count);
  });

  it('are optional: title and the text of new_title', async () => {
    const { data } = (await reader.post('/api/chat/session', { user_id: read.user })).body;
    expect(data.title).toBe('新会话');
    await reader.request('PATCH', `/api/chat/sessions/${data.session_id}`, { body: { new_title: 'named' } });
    const path = `/api/chat/sessions/${data.session_id}`;
    expect((await reader.request('PATCH', path, { body: { new_title: '' } })).body.data).toBe('标题更新成功');
    expect((await reader.get(path)).body.data.title).toBe('新会话');
    await reader.request('DELETE', path);
  });

  it('return the last 50 messages of a session, and of the newest session of a first screen', async () => {
    const contents = (messages: { content: string }[]) => messages.map(({ content }) => content);
    const last = Array.from({ length: 50 }, (_, index) => `line ${index + 4}`);
    expect(contents((await reader.get(`/aichat/sessions/${read.long}`)).body.data.messages)).toEqual(last);
    await reader.post('/api/chat/message', { session_id: read.session, content: 'newest', role: 'user' });
    const [first, ...others] = (await show('')).body.data.items;
    expect([first.session_id, contents(first.messages).at(-1)]).toEqual([read.session, 'newest']);
    expect(others.every((session: object) => !('messages' in session))).toBe(true);
  });
});

/** Describes an error: the documented envelope, with `error` in addition. */
const refusal = (code: number): Documented => ({
  sample: { code, message: '', data: null },
  same: ['code', 'data'],
  extra: { '': ['error'] },
});

const missing: Ids = {
  user: '1',
  session: randomUUID(),
  message: '2000000000',
  long: randomUUID(),
  stranger: '1',
};
const takesIds = (call: Call) =>
  call.path(missing).includes(missing.session) || call.path(missing).includes(missing.message);
const all = [...calls, ...deletions];

describe('the documented error envelope', () => {
  it.each(all)('has 401 without a token and with a wrong one: $method $name', async (call) => {
    for (const token of [undefined, 'nonsense']) {
      const { status, body } = await send(call, ids, createClient(app.url, token));
      expect([status, differences(body, refusal(401))]).toEqual([401, []]);
    }
  });

  it.each(all.filter(takesIds))('has 404 for an unknown id: $method $name', async (call) => {
    const { status, body } = await send(call, { ...missing, user: ids.user });
    expect([status, differences(body, refusal(404))]).toEqual([404, []]);
  });

  it.each([...all.filter(takesIds), ...calls.filter(({ name }) => name === '发送消息')])(
    "has 404 for another user's id: $method $name",
    async (call) => {
      const { status, body } = await send(call, { ...ids, user: ids.stranger }, other);
      expect([status, differences(body, refusal(404))]).toEqual([404, []]);
    },
  );

  it.each([
    ...calls.filter(({ body }) => body !== undefined && 'user_id' in Object(body(missing))),
    ...calls.filter(({ name }) => name.startsWith('获取会话列表api')),
  ])("has 403 for another user's user_id: $method $name", async (call) => {
    const { status, body } = await send(call, { ...ids, user: ids.stranger });
    expect([status, differences(body, refusal(403))]).toEqual([403, []]);
  });

  it.each<[string, string, string, unknown]>([
    ['a title that is not text', 'POST', '/api/chat/session', { title: 7 }],
    ['a title that is not text', 'POST', '/aichat/createsession', { title: ['x'] }],
    ['a title that is too long', 'PATCH', '/aichat/sessions/:session', { new_title: 'x'.repeat(256) }],
    ['a page before the first', 'POST', '/api/chat/sessions', { page: 0 }],
    ['a page_size that is not a number', 'POST', '/api/chat/sessions', { page_size: 'many' }],
    ['no session_id', 'POST', '/api/chat/message', { content: 'x', role: 'user' }],
    ['no content', 'POST', '/api/chat/message', { session_id: ':session', role: 'user' }],
    ['an unknown role', 'POST', '/api/chat/message', { session_id: ':session', content: 'x', role: 'admin' }],
    ['no new content', 'PATCH', '/api/chat/messages/:message', {}],
    ['a page that is not a number', 'GET', '/api/chat/sessions/:session/messages?page=x', undefined],
    ['a pageSize of zero', 'GET', '/aichat/sessions/:session/messages?pageSize=0', undefined],
    ['a page_size below one', 'GET', '/aichat/getsessionlist/:user?page_size=-5', undefined],
    ['a page that is not a whole number', 'GET', '/aichat/getsessionlistshow/:user?page=1.5', undefined],
  ])('has 400 for %s: %s %s', async (_what, method, path, sent) => {
    const { session_id } = (await user.post('/api/chat/session', {})).body.data;
    const { message_id } = (await user.post('/api/chat/message', { session_id, content: 'x' })).body.data;
    const fill = (text: string) =>
      text.replace(':session', session_id).replace(':message', message_id).replace(':user', ids.user);
    const body: unknown = sent === undefined ? undefined : JSON.parse(fill(JSON.stringify(sent)));
    const reply = await user.request(method, fill(path), { body });
    expect([reply.status, differences(reply.body, refusal(400))]).toEqual([400, []]);
    await user.request('DELETE', `/api/chat/sessions/${session_id}`);
  });

  it('has 400 for an edit of a message without the role user', async () => {
    const answer = { session_id: ids.long, content: 'An answer', role: 'assistant' };
    const { message_id } = (await user.post('/api/chat/message', answer)).body.data;
    const path = `/api/chat/messages/${message_id}`;
    const reply = await user.request('PATCH', path, { body: { new_content: 'x' } });
    expect([reply.status, differences(reply.body, refusal(400))]).toEqual([400, []]);
    await user.request('DELETE', path);
  });
});

describe('the documented error envelope of /ws/:session_id', () => {
  it.each(['/ws', '/api/ws'])('is that of the other paths: %s', async (path) => {
    const plain = await user.get(`${path}/${ids.long}`);
    expect([plain.status, differences(plain.body, refusal(426))]).toEqual([426, []]);
    for (const [status, sessionId, token] of [
      [401, ids.long, 'nonsense'],
      [404, randomUUID(), user.token],
      [404, ids.long, other.token],
    ] as const) {
      const refused = await refusalOf(connect(app.url, `${path}/${sessionId}`, { token }));
      const body: unknown = JSON.parse(refused.body);
      expect([refused.status, differences(body, refusal(status))]).toEqual([status, []]);
    }
  });
});

/** What each service function returned, and the codes with which it rejected. */
interface ServiceResults {
  readonly returned: Readonly<Record<string, unknown>>;
  readonly codes: Readonly<Record<string, readonly (string | null)[]>>;
}

describe('the service functions', () => {
  let results: ServiceResults;
  const chosen = randomUUID();

  beforeAll(async () => {
    const owner = await app.createUser();
    const args = { owner: owner.user.id, stranger: other.user.documentId, chosen, unknown: randomUUID() };
    results = await runInStrapi(app.variables, callServices, args);
  });

  const session = success({ ...chatSession, session_id: chosen, message_count: 0 }).data;
  it.each<[string, Documented]>([
    ['createSession', { sample: session, same: ['session_id', 'title'], extra: { '': more.session } }],
    ['createSession again', { sample: session, same: ['session_id', 'title'], extra: { '': more.session } }],
    ['createSession without an id', { sample: session, same: [], extra: { '': more.session } }],
    ['getSession', { sample: session, same: ['session_id', 'title'], extra: { '': more.session } }],
    ['listSessions', { sample: [session], same: ['is_deleted'], extra: { '': more.session } }],
    ['updateSessionTitle', { sample: true, same: [''] }],
    ['createMessage', { sample: chatMessage, same: ['role', 'content'], extra: { '': more.message } }],
    ['getMessage', { sample: chatMessage, same: ['role', 'content'], extra: { '': more.message } }],
    ['listMessages', { sample: [chatMessage], same: ['role', 'content'], extra: { '': more.message } }],
    ['updateMessageContent', { sample: true, same: [''] }],
    ['softDeleteMessage', { sample: true, same: [''] }],
    ['softDeleteSession', { sample: true, same: [''] }],
  ])('return the documented result: %s', (name, documented) => {
    expect(differences(results.returned[name], documented)).toEqual([]);
  });

  it('change what they say', () => {
    expect(results.returned['the session afterwards']).toMatchObject({ title: 'New', message_count: 1 });
    expect(results.returned['the session without a title']).toMatchObject({ title: '新会话' });
    expect(results.returned['the message afterwards']).toMatchObject({ content: 'edited' });
    expect(results.returned['the sessions of another user']).toEqual([]);
  });

  it('reject an unknown id, a deleted one and one of another user with the same code', () => {
    const { codes } = results;
    for (const name of [
      'getSession',
      'updateSessionTitle',
      'softDeleteSession',
      'createMessage',
      'listMessages',
    ]) {
      expect([name, codes[name]]).toEqual([name, Array(3).fill('session-not-found')]);
    }
    for (const name of ['getMessage', 'updateMessageContent', 'softDeleteMessage']) {
      expect([name, codes[name]]).toEqual([name, Array(3).fill('message-not-found')]);
    }
  });

  it('reject arguments as the HTTP API rejects bodies', () => {
    expect(results.codes['invalid']).toEqual(Array(9).fill('invalid-request'));
  });
});

/** Runs in another process, so it uses no variable from outside. */
async function callServices(
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the process has no types
  strapi: any,
  {
    owner,
    stranger,
    chosen,
    unknown,
  }: Readonly<Record<'owner' | 'stranger' | 'chosen' | 'unknown', unknown>>,
): Promise<ServiceResults> {
  const service = strapi.service('api::chat-session.chat-session');
  const returned: Record<string, unknown> = {};
  const codes: Record<string, (string | null)[]> = { invalid: [] };
  const codeOf = (call: Promise<unknown>) =>
    call.then(
      () => null,
      ({ code }) => code,
    );
  const refuse = async (name: string, args: object, unknownArgs: object) => {
    codes[name] = [
      await codeOf(service[name]({ ...args, ...unknownArgs })),
      await codeOf(service[name]({ ...args, user_id: stranger })),
    ];
  };
  const title = '技术讨论';

  returned['createSession'] = await service.createSession({ user_id: owner, session_id: chosen, title });
  returned['createSession again'] = await service.createSession({ user_id: owner, session_id: chosen });
  const { session_id } = (returned['createSession without an id'] = await service.createSession({
    user_id: owner,
  }));
  returned['getSession'] = await service.getSession({ session_id: chosen, user_id: owner });
  returned['listSessions'] = await service.listSessions({ user_id: owner, page: 1, page_size: 20 });
  returned['the sessions of another user'] = await service.listSessions({ user_id: stranger, page: 9 });

  const said = { session_id, content: '你好！', role: 'user' };
  const { message_id, public_id } = (returned['createMessage'] = await service.createMessage(said));
  await service.createMessage(said);
  returned['getMessage'] = await service.getMessage({ message_id: public_id });
  returned['listMessages'] = await service.listMessages({ session_id, page: 1, page_size: 50 });

  const ofSession = { session_id: unknown };
  const ofMessage = { message_id: 2_000_000_000 };
  await refuse('getSession', { session_id }, ofSession);
  await refuse('updateSessionTitle', { session_id, new_title: 'x' }, ofSession);
  await refuse('softDeleteSession', { session_id }, ofSession);
  await refuse('createMessage', said, ofSession);
  await refuse('listMessages', { session_id }, ofSession);
  await refuse('getMessage', { message_id }, ofMessage);
  await refuse('updateMessageContent', { message_id, new_content: 'x' }, ofMessage);
  await refuse('softDeleteMessage', { message_id }, ofMessage);
  const answer = await service.createMessage({ ...said, role: 'assistant' });
  for (const call of [
    () => service.createSession({ user_id: 'nobody' }),
    () => service.createSession({ user_id: owner, session_id: 'no UUID' }),
    () => service.createSession({ user_id: stranger, session_id: chosen }),
    () => service.createSession({ user_id: owner, title: 7 }),
    () => service.listSessions({ page: 1 }),
    () => service.listMessages({ session_id, page: 0 }),
    () => service.createMessage({ ...said, content: ' ' }),
    () => service.createMessage({ ...said, role: 'admin' }),
    () => service.updateMessageContent({ message_id: answer.message_id, new_content: 'x' }),
  ])
    codes['invalid']?.push(await codeOf(call()));
  await service.softDeleteMessage({ message_id: answer.message_id });

  returned['updateSessionTitle'] = await service.updateSessionTitle({ session_id, new_title: 'New' });
  await service.updateSessionTitle({ session_id: chosen });
  returned['the session without a title'] = await service.getSession({ session_id: chosen });
  returned['updateMessageContent'] = await service.updateMessageContent({
    message_id,
    new_content: 'edited',
  });
  returned['the message afterwards'] = await service.getMessage({ message_id });
  returned['softDeleteMessage'] = await service.softDeleteMessage({ message_id });
  returned['the session afterwards'] = await service.getSession({ session_id });
  for (const name of ['getMessage', 'updateMessageContent', 'softDeleteMessage'])
    codes[name]?.push(await codeOf(service[name]({ message_id, new_content: 'x' })));
  returned['softDeleteSession'] = await service.softDeleteSession({ session_id });
  for (const name of [
    'getSession',
    'updateSessionTitle',
    'softDeleteSession',
    'createMessage',
    'listMessages',
  ])
    codes[name]?.push(await codeOf(service[name](said)));
  return { returned, codes };
}
