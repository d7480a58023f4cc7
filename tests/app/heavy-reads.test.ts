import { once } from 'node:events';
import http from 'node:http';

import { openRaw } from '../faults/support/raw-client';
import { holdsWithin } from '../support/until';
import { startApp, type App } from '../support/app';
import type { Client, Reply } from '../support/client';
import { fillMessages } from '../support/fill-messages';

/** More than `fewRows`, so the server reads them apart from the main connection. */
const messages = 3_000;

let app: App;
let user: Client;
let other: Client;
let holder: Client;
let character: { readonly documentId: string };

beforeAll(async () => {
  app = await startApp({ env: { CHAT_MAX_READS_AT_ONCE: '1', CHAT_READ_TIMEOUT_SECONDS: '60' } });
  [user, other, holder] = [await app.createUser(), await app.createUser(), await app.createUser()];
  character = await app.admin.createCharacter();
  await fillMessages(app.db, user.user.id, messages, { character: character.documentId });
  await fillMessages(app.db, other.user.id, 40);
  // More than the socket buffers of the system hold for a client that does not read.
  await fillMessages(app.db, holder.user.id, 16_000);
});
afterAll(() => app.stop());

const list = (query: string) => user.myList(`?${query}`);
const idsOf = ({ body }: Reply): number[] => body.data.map(({ id }: { id: number }) => id);

/** Reads the ids of the user's matching messages from the table, in the order of my-list. */
const expected = async (where: object = {}): Promise<number[]> =>
  app
    .db('chat_conversations')
    .where({ user_id: user.user.id, is_deleted: false, ...where })
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .pluck('id');

describe('a list of many messages', () => {
  it('has the right total, late pages and pages by cursor', async () => {
    const ids = await expected();
    const first = await list('pageSize=100');
    expect(idsOf(first)).toEqual(ids.slice(0, 100));
    expect(first.body.meta.pagination).toEqual({ page: 1, pageSize: 100, pageCount: 30, total: messages });
    expect(idsOf(await list('pageSize=100&page=10'))).toEqual(ids.slice(900, 1_000));
    expect(idsOf(await list('pageSize=100&page=11'))).toEqual(ids.slice(1_000, 1_100));
    const last = await list('pageSize=100&page=30');
    expect(idsOf(last)).toEqual(ids.slice(-100));
    expect(last.body.meta.nextCursor).toBeNull();
    const next = await list(`pageSize=100&cursor=${first.body.meta.nextCursor}`);
    expect(idsOf(next)).toEqual(ids.slice(100, 200));
    expect((await list('page=1000000')).body).toMatchObject({
      data: [],
      meta: { pagination: { total: messages } },
    });
  });

  it('is the same for every id of a session or a conversation', async () => {
    const session = await app
      .db('chat_sessions')
      .where({ user_id: user.user.id })
      .orderBy('id')
      .offset(7)
      .first();
    const ids = await expected({ session_id: session.id });
    expect(ids).toHaveLength(40);
    for (const filter of [
      `filters[session_id]=${session.session_id}`,
      `filters[session_id][$in][0]=${session.session_id}&filters[session_id][$in][1]=nowhere`,
      `filters[session][session_id]=${session.session_id}`,
      `filters[session]=${session.id}`,
      `filters[session]=${session.document_id}`,
      `filters[session]=${session.session_id}`,
      `filters[conversation_id]=${session.conversation_id}`,
    ]) {
      const reply = await list(`pageSize=100&${filter}`);
      expect([filter, idsOf(reply), reply.body.meta.pagination.total]).toEqual([filter, ids, 40]);
    }
    const without = await list(`filters[session_id][$ne]=${session.session_id}`);
    expect(without.body.meta.pagination.total).toBe(messages - 40);
    expect((await list('filters[session_id][$ne]=nowhere')).body.meta.pagination.total).toBe(messages);
    expect((await list('filters[session_id]=nowhere')).body.meta.pagination.total).toBe(0);
    const theirs = await app.db('chat_sessions').where({ user_id: other.user.id }).first();
    for (const name of [theirs.id, theirs.document_id, theirs.session_id])
      expect((await list(`filters[session]=${name}`)).body.meta.pagination.total).toBe(0);
  });

  it('is the same for every id of a character', async () => {
    const ids = await expected({ ai_character_document_id: character.documentId });
    expect(ids.length).toBeGreaterThan(1_000);
    const { body } = await user.get(`/api/ai-characters/${character.documentId}`);
    for (const name of [character.documentId, body.data.id]) {
      const reply = await list(`pageSize=100&page=15&filters[ai_character]=${name}`);
      expect([name, idsOf(reply), reply.body.meta.pagination.total]).toEqual([
        name,
        ids.slice(1_400, 1_500),
        ids.length,
      ]);
    }
  });

  it('matches the rows when it is filtered by text and sorted', async () => {
    const query = 'filters[answer][$containsi]=LIFT. 299&sort=answer:desc&pageSize=100';
    const rows: { id: number; answer: string }[] = await app
      .db('chat_conversations')
      .where({ user_id: user.user.id, role: 'assistant' })
      .where('answer', 'like', '%lift. 299%');
    expect(rows.length).toBeGreaterThan(4);
    const { body } = await list(query);
    const answers = body.data.map(({ answer }: { answer: string }) => answer);
    expect(answers).toEqual([...answers].sort().reverse());
    // The question of a turn contains the answer, too.
    expect(body.meta.pagination.total).toBe(2 * rows.length);
  });
});

describe('more than a thousand sessions', () => {
  it('are listed on all pages with the right total', async () => {
    const many = await app.createUser();
    await fillMessages(app.db, many.user.id, 1_205 * 2, { turnsOfSession: 1 });
    const ids = await app
      .db('chat_sessions')
      .where({ user_id: many.user.id })
      .orderBy('id', 'desc')
      .pluck('session_id');
    const page = async (number: number) =>
      (await many.get(`/aichat/getsessionlist/${many.user.id}?page=${number}&page_size=100`)).body.data;
    for (const number of [1, 10, 11, 13]) {
      const { items, total } = await page(number);
      expect(total).toBe(1_205);
      expect(items.map(({ session_id }: { session_id: string }) => session_id)).toEqual(
        ids.slice((number - 1) * 100, number * 100),
      );
    }
    expect(await page(14)).toMatchObject({ items: [], total: 1_205 });
  });
});

/** Takes the one read slot of the holder with an export that it does not read. @returns a disconnect function */
async function holdPlace(): Promise<() => void> {
  const headers = { Authorization: `Bearer ${holder.token}` };
  const request = http.get(`${app.url}/api/chat/export`, { headers, agent: false });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  expect(response.statusCode).toBe(200);
  response.on('error', () => undefined);
  return () => request.destroy();
}

describe('a user at the limit of concurrent reads', () => {
  it('waits in a queue of 20, gets 429 for more, and does not delay other users', async () => {
    const leave = await holdPlace();
    const settled: number[] = [];
    const waiting = Array.from({ length: 22 }, async () => {
      const reply = await holder.myList('?pageSize=1');
      settled.push(reply.status);
      return reply;
    });
    expect(await holdsWithin(20_000, () => settled.length > 0)).toBe(true);
    expect((await other.myList()).status).toBe(200);
    expect((await other.get('/api/chat/search?q=lamp')).status).toBe(200);
    expect(new Set(settled)).toEqual(new Set([429]));
    leave();
    const replies = await Promise.all(waiting);
    const refused = replies.filter(({ status }) => status !== 200);
    expect(refused).toHaveLength(2);
    for (const { status, headers, body } of refused) {
      expect([status, headers.get('retry-after'), body.error.details.code]).toEqual([
        429,
        '5',
        'too-many-reads',
      ]);
    }
  });

  it('frees a slot by disconnecting during a reply or in the queue', async () => {
    const leave = await holdPlace();
    const before = app.output().length;
    const request = { method: 'GET', path: '/api/chat-conversations/my-list' } as const;
    const headers = { Authorization: `Bearer ${holder.token}` };
    const gone = await Promise.all(
      Array.from({ length: 20 }, () => openRaw(app.url, { ...request, headers })),
    );
    for (const connection of gone) connection.destroy();
    const left = () =>
      app
        .output()
        .slice(before)
        .match(/my-list \(\d+ ms\) (499|200)/gu)?.length ?? 0;
    expect(await holdsWithin(20_000, () => left() === 20)).toBe(true);
    const waiting = Array.from({ length: 19 }, () => holder.myList('?pageSize=1'));
    leave();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array(19).fill(200));
    expect(app.output().slice(before)).not.toContain('error');
  });

  it('frees the slot when a reply is sent', async () => {
    for (let round = 0; round < 30; round += 1) expect((await holder.myList('?pageSize=1')).status).toBe(200);
  });
});

it('a process that gets SIGTERM ends during a long read', async () => {
  const texts = Array.from(
    { length: 10 },
    (_, index) => `filters[$or][${index}][answer][$containsi]=nowhere${index}`,
  );
  const reading = list(texts.join('&')).then(
    ({ status }) => status,
    () => 0,
  );
  const exporting = other.get('/api/chat/export').then(
    ({ status }) => status,
    () => 0,
  );
  await exporting;
  expect(await app.signal('SIGTERM')).toBe(0);
  expect([0, 200, 503]).toContain(await reading);
  await app.restart();
  expect((await list('pageSize=1')).status).toBe(200);
});
