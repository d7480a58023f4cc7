import { randomUUID } from 'node:crypto';

import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { database } from '../support/database';

let app: App;
let user: Client;
let sessionId: string;

const texts = [
  'The sea is calm.',
  '100% sure, a_b and a\\b',
  '100 of 100, aXb',
  '今天的海很平静。',
  'ÉCOLE, Straße, ΟΔΟΣ',
  'It\'s "quoted"; drop table x --',
];

beforeAll(async () => {
  app = await startApp();
  user = await app.createUser();
  sessionId = (await user.post('/api/chat/session', { title: 'Winter' })).body.data.session_id;
  for (const content of texts) await user.post('/api/chat/message', { session_id: sessionId, content });
});
afterAll(() => app.stop());

const search = (q: string, rest = '', as = user) =>
  as.get(`/api/chat/search?q=${encodeURIComponent(q)}${rest}`);

async function found(q: string, as = user): Promise<string[]> {
  const { status, body } = await search(q, '', as);
  expect(status).toBe(200);
  return body.data.map(({ highlights }: { highlights: { text: string }[] }) =>
    highlights.map(({ text }) => text).join(''),
  );
}

it.each<[q: string, which: number[]]>([
  ['sea', [0]],
  ['SEA IS', [0]],
  ['%', [1]],
  ['100%', [1]],
  ['a_b', [1]],
  ['a\\b', [1]],
  ['_', [1]],
  ['\\', [1]],
  ['海', [3]],
  ['海很平静', [3]],
  ['école', [4]],
  ['STRASSE', []],
  ['straße', [4]],
  ["'", [5]],
  ['drop table', [5]],
  ['100', [2, 1]],
  ['🌊', []],
  ['\0', []],
])('search finds %p in the texts %p, the newest first', async (q, which) => {
  expect(await found(q)).toEqual(which.map((index) => texts[index]));
});

it('search returns the message, the session and the marked text', async () => {
  const { body } = await search('SEA');
  const [message] = (await user.myList(`?filters[session_id]=${sessionId}&sort=id:asc`)).body.data;
  expect(body).toEqual({
    data: [
      {
        message_id: message.id,
        public_id: message.message_id,
        session_id: sessionId,
        title: 'Winter',
        turn_id: null,
        role: 'user',
        outcome: null,
        is_superseded: false,
        highlights: [
          { text: 'The ', isMatch: false },
          { text: 'sea', isMatch: true },
          { text: ' is calm.', isMatch: false },
        ],
        created_at: message.createdAt,
      },
    ],
    meta: {
      pagination: { page: 1, pageSize: 20, pageCount: 1, total: 1, isTotalExact: true },
      nextCursor: null,
    },
  });
});

it('search finds a question and an answer only by their own text', async () => {
  const owner = await app.createUser();
  const { documentId } = await app.admin.createCharacter();
  app.dify.script(async (reply) => {
    await reply.say('Whales, mostly.');
    await reply.end();
  });
  const { body } = await owner.ask({ character_id: documentId, query: 'Who lives in the ocean?' });
  const [question, answer] = body.data;
  const ids = async (q: string) =>
    (await search(q, '', owner)).body.data.map(({ public_id }: { public_id: string }) => public_id);
  expect(await ids('ocean')).toEqual([question.message_id]);
  expect(await ids('whales')).toEqual([answer.message_id]);
  expect(await ids('l')).toEqual([answer.message_id, question.message_id]);
});

it('search returns pages', async () => {
  const page = async (rest: string) => (await search('a', rest)).body;
  const all = (await page('')).data;
  expect(all.length).toBeGreaterThan(3);
  expect((await page('&page=2&page_size=2')).data).toEqual(all.slice(2, 4));
  expect((await page('&page=2&page_size=2')).meta.pagination).toMatchObject({
    page: 2,
    pageSize: 2,
    total: all.length,
  });
  expect(await page('&page=99')).toMatchObject({ data: [], meta: { pagination: { total: all.length } } });
});

it('search finds no deleted message, and finds it again after it is restored', async () => {
  const owner = await app.createUser();
  const { session_id } = (await owner.post('/api/chat/session', {})).body.data;
  const { message_id } = (await owner.post('/api/chat/message', { session_id, content: 'hidden' })).body.data;
  const path = `/api/chat/messages/${message_id}`;
  expect(await found('hidden', owner)).toHaveLength(1);
  await owner.request('DELETE', path);
  expect(await found('hidden', owner)).toEqual([]);
  await owner.request('POST', `${path}/restore`);
  await owner.request('DELETE', `/api/chat/sessions/${session_id}`);
  expect(await found('hidden', owner)).toEqual([]);
  await owner.request('POST', `/api/chat/sessions/${session_id}/restore`);
  expect(await found('hidden', owner)).toHaveLength(1);
});

it('search finds no message of another user', async () => {
  const other = await app.createUser();
  for (const q of ['sea', 'a', '海', '%']) {
    expect((await search(q, '', other)).body).toMatchObject({ data: [], meta: { pagination: { total: 0 } } });
  }
});

describe('search among thousands of messages', () => {
  let owner: Client;
  const needle = '50%_的海';

  beforeAll(async () => {
    owner = await app.createUser();
    const other = await app.createUser();
    const [theirs, mine] = [other.user.id, owner.user.id];
    await insert(7_000, (index) => ({
      user_id: index % 5 === 0 ? theirs : mine,
      role: index % 2 === 0 ? 'user' : 'assistant',
      query: `Question ${index} ${index % 334 === 0 ? needle : ''}`,
      answer: index % 2 === 0 ? null : `Answer ${index} ${index % 501 === 0 ? needle : '50 per cent'}`,
      is_deleted: index % 7 === 0,
    }));
  });

  async function insert(count: number, row: (index: number) => Readonly<Record<string, unknown>>) {
    const now = new Date();
    const rows = Array.from({ length: count }, (_, index) => ({
      document_id: randomUUID().replaceAll('-', '').slice(0, 24),
      message_id: `msg_${randomUUID()}`,
      created_at: now,
      updated_at: now,
      ...row(index),
    }));
    await app.db.batchInsert('chat_conversations', rows, 50);
  }

  /** Returns the ids of the messages that LIKE finds. */
  async function oracle(q: string): Promise<number[]> {
    const said = "lower(case when role = 'user' then query else answer end)";
    return app
      .db('chat_conversations')
      .where({ user_id: owner.user.id, is_deleted: false })
      .whereRaw(`${said} like ? escape '!'`, [`%${q.toLowerCase().replaceAll(/[!%_]/gu, '!$&')}%`])
      .orderBy('id', 'desc')
      .pluck('id');
  }

  const idsOf = (body: { data: { message_id: number }[] }) => body.data.map(({ message_id }) => message_id);

  it.each([needle, 'QUESTION', 'answer 1', '50 per', 'nothing has this'])(
    'finds all messages with %p, by pages and by cursors',
    async (q) => {
      const expected = await oracle(q);
      const byPage: number[] = [];
      const first = (await search(q, '&page_size=100', owner)).body;
      expect(first.meta.pagination).toMatchObject({ total: expected.length, isTotalExact: true });
      for (let page = 1; page <= first.meta.pagination.pageCount; page += 1)
        byPage.push(...idsOf((await search(q, `&page_size=100&page=${page}`, owner)).body));
      const byCursor = idsOf(first);
      for (let cursor = first.meta.nextCursor; cursor !== null;) {
        const { body } = await search(q, `&page_size=100&cursor=${cursor}`, owner);
        byCursor.push(...idsOf(body));
        cursor = body.meta.nextCursor;
      }
      expect(byPage).toEqual(expected);
      expect(byCursor).toEqual(expected);
    },
  );
});

it('search reads by an index of the owner, and no rows of other users', async () => {
  const isSqlite = database === 'sqlite';
  const sql = `select m.id from chat_conversations m where m.user_id = ${user.user.id}
               and m.is_deleted = ${isSqlite ? '0' : 'false'}
               and m.id < 2147483647 and m.id > 1 order by m.id desc`;
  if (isSqlite) {
    const steps: { detail: string }[] = await app.db.raw(`explain query plan ${sql}`);
    expect(steps.map(({ detail }) => detail)).toEqual([
      expect.stringMatching(/USING INDEX chat_conversations_user_\w+ \(/u),
    ]);
    return;
  }
  // PostgreSQL has no statistics until its autovacuum runs, at some later moment. Until then, it guesses.
  await app.db.raw('analyze chat_conversations');
  const { rows } = await app.db.raw(`explain ${sql}`);
  const plan = JSON.stringify(rows);
  expect(plan).toMatch(/Index Scan (using|on) chat_conversations_user_\w+/u);
  expect(plan).not.toMatch(/Seq Scan/u);
});

it.each([
  '',
  '?q=',
  '?q=%20',
  `?q=${'x'.repeat(201)}`,
  '?q[]=x',
  '?q[a]=x',
  '?q=x&page=0',
  '?q=x&page_size=x',
  '?q=x&cursor=',
  '?q=x&cursor=x',
  '?q=x&cursor=MTAw&page=2',
])('search returns 400 for "%s"', async (query) => {
  const { status, body } = await user.get(`/api/chat/search${query}`);
  expect([status, body.error.details.code]).toEqual([400, 'invalid-request']);
});

it('search accepts 200 characters, and needs a login', async () => {
  expect(await found('海'.repeat(200))).toEqual([]);
  expect((await search('x', '', app.anonymous)).status).toBe(401);
});
