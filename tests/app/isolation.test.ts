import { startApp, type App } from '../support/app';
import { canaries } from '../support/canaries';
import type { Client } from '../support/client';
import { withoutCopying } from '../support/without-copying';

let app: App;
let ann: Client;
let bob: Client;
let character: { documentId: string; id: number };
let bobs: {
  id: number;
  documentId: string;
  message_id: string;
  session_id: string;
  conversation_id: string;
  turn_id: string;
};

const secret = 'Bobs secret question';

beforeAll(async () => {
  app = await startApp();
  character = await app.admin.createCharacter({ prompt: `You are Ada. ${canaries.prompt}` });
  await app.admin.createDraft({ name: 'Draft', prompt: `Hidden. ${canaries.draft}` });
  ann = await app.createUser();
  bob = await app.createUser();
  await ann.ask({ character_id: character.documentId, query: 'Anns question' });
  bobs = (await bob.ask({ character_id: character.documentId, query: secret })).body.data[1];
});
afterAll(() => app.stop());

const relations = [
  'user',
  'createdBy',
  'updatedBy',
  'session',
  'session.user',
  'ai_character.createdBy',
  'user.role',
];
const privateFields = ['password', 'resetPasswordToken', 'confirmationToken', 'email', 'username'];
const path = (names: string) =>
  names
    .split('.')
    .map((name) => `[${name}]`)
    .join('');

/** Query strings that try to read another user's data, or to learn about it from differences between replies. */
const probes = [
  ...relations.flatMap((relation) =>
    privateFields.flatMap((field) => [
      `filters${path(relation)}[${field}][$startsWith]=$2`,
      `filters${path(relation)}[${field}][$notNull]=true`,
      `filters[$or][0]${path(relation)}[${field}][$contains]=a`,
      `filters[$not]${path(relation)}[${field}][$contains]=a`,
      `sort=${relation}.${field}`,
      `where${path(relation)}[${field}][$startsWith]=$2`,
      `lookup${path(relation)}[${field}][$startsWith]=$2`,
      `populate${path(relation)}[fields]=${field}`,
      `populate${path(relation)}[filters][${field}][$startsWith]=$2`,
    ]),
  ),
  ...['t0', 't1', 't2', 'm', 's', 'a'].flatMap((alias) => [
    `filters[${alias}.password][$startsWith]=$2`,
    `filters[${alias}.user_id][$gt]=0`,
  ]),
  'filters[user_id][$gt]=0',
  'filters[user][id][$gt]=0',
  'filters[user][id][$ne]=0',
  'filters[$or][0][user][id][$ne]=0&filters[$or][1][id][$gt]=0',
  'filters[$or][0][id][$gt]=0',
  'filters[$or][0][id][$gt]=0&filters[$or][1][user][id][$gt]=0',
  'filters[$and][0][id][$gt]=0',
  'filters[ai_character][$and][0][id][$gt]=0&filters[$and][0][id][$gt]=0',
  'filters[ai_character][$or][0][id][$ne]=0&filters[$or][0][id][$gt]=0',
  'filters[$not][user][id][$eq]=0',
  'filters[publishedAt][$null]=true',
  'filters[publishedAt][$notNull]=true',
  'filters[is_deleted][$eq]=false',
  'filters[0][query]=x',
  'filters[__proto__][user]=1',
  'filters[constructor][user]=1',
  'status=draft',
  'publicationFilter=all',
  'hasPublishedVersion=false',
  'populate=*',
  'populate=deep',
  'populate=user',
  'fields=*',
  'fields[0]=user',
  '_q=secret',
  'locale=*',
  'pagination[limit]=-1',
  'pagination[limit]=1000000000',
  'pageSize=1000000000',
  'user=2',
  'user_id=2',
];

describe('my-list', () => {
  it.each(probes)('shows and counts no message of another user for %s', async (query) => {
    const { status, text, body } = await ann.myList(`?${query}`);
    expect([200, 400]).toContain(status);
    expect(text).not.toContain(secret);
    expect(text).not.toContain(bob.user.email);
    expect(text).not.toContain(canaries.draft);
    if (status === 200) expect(body.meta.pagination.total).toBeLessThanOrEqual(2);
  });

  it.each(privateFields)('returns the same reply for a right and a wrong guess of %s', async (field) => {
    const row = await app.db('up_users').where({ id: bob.user.id }).first();
    const right = String(
      row[field.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`)] ?? 'x',
    ).slice(0, 6);
    for (const filter of [`filters[user][${field}][$startsWith]=`, `where[user][${field}][$startsWith]=`]) {
      const [a, b] = [
        await ann.myList(`?${filter}${encodeURIComponent(right)}`),
        await ann.myList(`?${filter}zzzzzz`),
      ];
      expect([a.status, a.text]).toEqual([b.status, b.text]);
    }
  });

  it("finds nothing by the ids of another user's message or by unknown ids", async () => {
    for (const [field, theirs, nobodys] of [
      ['id', bobs.id, 99999],
      ['documentId', bobs.documentId, 'zzzzzzzzzzzzzzzzzzzzzzzz'],
      ['message_id', bobs.message_id, 'none'],
      ['session_id', bobs.session_id, 'none'],
      ['conversation_id', bobs.conversation_id, 'none'],
      ['turn_id', bobs.turn_id, 'none'],
      ['query', secret, 'none'],
    ] as const) {
      const [a, b] = [
        await ann.myList(`?filters[${field}]=${theirs}`),
        await ann.myList(`?filters[${field}]=${nobodys}`),
      ];
      expect(a.body.meta.pagination.total).toBe(0);
      expect(a.text).toBe(b.text);
    }
  });
});

const bobsRow = async () => withoutCopying(await app.db('chat_conversations').where({ id: bobs.id }).first());

describe("another user's message", () => {
  const actions: [string, string, unknown][] = [
    ['PUT', 'feedback', { data: { rating: 'like' } }],
    ['PUT', 'feedback', { data: { rating: null } }],
    ['PUT', 'feedback', { data: { rating: 'love' } }],
    ['PUT', 'read', undefined],
    ['GET', 'suggested', undefined],
  ];

  it.each(actions)('does not exist for %s …/%s %j, by any id', async (method, action, body) => {
    const before = await bobsRow();
    const asked = app.dify.requests.length;
    const send = (id: string, query = '') =>
      ann.request(method, `/api/chat-conversations/messages/${id}/${action}${query}`, { body });
    const nobodys = await send('00000000-0000-4000-8000-000000000000');
    expect(nobodys.status).toBe(JSON.stringify(body)?.includes('love') ? 400 : 404);
    for (const id of [bobs.message_id, bobs.documentId, String(bobs.id), bobs.turn_id, bobs.session_id]) {
      for (const query of ['', `?user=${bob.user.id}`, `?user=user-${bob.user.documentId}`]) {
        const reply = await send(id, query);
        expect([reply.status, reply.text]).toEqual([nobodys.status, nobodys.text]);
      }
    }
    expect(await bobsRow()).toEqual(before);
    expect(app.dify.requests).toHaveLength(asked);
  });

  it.each(actions)("needs its owner's JWT for %s …/%s %j", async (method, action, body) => {
    const path = `/api/chat-conversations/messages/${bobs.message_id}/${action}`;
    const token = await app.admin.client.post('/admin/api-tokens', {
      name: `${method} ${action} ${JSON.stringify(body) ?? ''}`,
      description: '',
      type: 'full-access',
      lifespan: null,
    });
    const headers = { Authorization: `Bearer ${token.body.data.accessKey}` };
    const before = await bobsRow();
    expect((await app.anonymous.request(method, path, { body })).status).toBe(401);
    expect((await app.anonymous.request(method, path, { body, headers })).status).toBe(401);
    expect(await bobsRow()).toEqual(before);
  });
});

describe('core routes', () => {
  const types = ['chat-conversations', 'chat-sessions'];
  const requests = types.flatMap((type) => [
    ['GET', `/api/${type}`],
    ['GET', `/api/${type}?populate=*&filters[id][$gt]=0`],
    ['GET', `/api/${type}/:id`],
    ['POST', `/api/${type}`],
    ['PUT', `/api/${type}/:id`],
    ['DELETE', `/api/${type}/:id`],
  ]) as [string, string][];

  it.each([
    ...requests,
    ['POST', '/api/ai-characters'],
    ['PUT', '/api/ai-characters/:character'],
    ['DELETE', '/api/ai-characters/:character'],
    ['GET', '/api/users'],
    ['GET', '/api/users/2'],
    ['PUT', '/api/users/2'],
  ])('return 403 to users for %s %s, also for their own entries', async (method, route) => {
    for (const client of [ann, bob]) {
      const url = route.replace(':id', bobs.documentId).replace(':character', character.documentId);
      const { status, text } = await client.request(
        method,
        url,
        method === 'GET' || method === 'DELETE' ? {} : { body: { data: { query: 'x', user: 1 } } },
      );
      expect(status).toBe(403);
      expect(text).not.toContain(secret);
    }
    const anonymous = await app.anonymous.request(
      method,
      route.replace(':id', bobs.documentId).replace(':character', character.documentId),
    );
    expect([401, 403]).toContain(anonymous.status);
  });

  it('are open to an API token', async () => {
    const token = await app.admin.client.post('/admin/api-tokens', {
      name: 'reader',
      description: '',
      type: 'full-access',
      lifespan: null,
    });
    const headers = { Authorization: `Bearer ${token.body.data.accessKey}` };
    const list = await app.anonymous.request('GET', '/api/chat-conversations?sort=id:asc', { headers });
    const one = await app.anonymous.request('GET', `/api/chat-conversations/${bobs.documentId}`, { headers });
    const own = await app.anonymous.request('GET', '/api/chat-conversations/my-list', { headers });

    expect(list.body.data).toHaveLength(4);
    expect(one.body.data).toMatchObject({ message_id: bobs.message_id });
    expect(own.status).toBe(401);

    const again = await app.anonymous.request('POST', '/api/chat-conversations', {
      headers,
      body: { data: { message_id: bobs.message_id, query: 'twice', role: 'user' } },
    });
    expect([again.status, again.body.error.details.code]).toEqual([400, 'invalid-request']);
    const populated = await app.anonymous.request('GET', '/api/chat-conversations?populate=ai_character', {
      headers,
    });
    expect(populated.text).not.toContain('"publishedAt":null');
  });
});

describe('a blocked user', () => {
  it('gets 401 for my-list and create-message', async () => {
    const gone = await app.createUser();
    expect((await gone.myList()).status).toBe(200);
    await app.admin.setBlocked(gone.user.documentId, true);
    expect((await gone.myList()).status).toBe(401);
    expect((await gone.ask({ character_id: character.documentId, query: 'Hi' })).status).toBe(401);
  });
});
