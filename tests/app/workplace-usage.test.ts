import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { ratingsSql } from '../../src/database/messages/ratings';
import type { HistoryRecord, UsageReply, UsageRow } from '../../src/history';
import { usageDimensions, type UsageDimension } from '../../src/history/model/usage';
import { openHistoryStore, type Store } from '../../src/history/store/open';
import { createRandom } from '../faults/support/random';
import { dayMs, randomRecords, someNoon } from '../history/store/support/records';
import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { toStrapiDatabase } from '../support/strapi-database';

const usage = '/admin/character-chat/usage';
const right = { action: 'api::chat-usage.read' };
const model = 'dify';

let app: App;
let folder: string;
let store: Store;
let characterId: string;
let users: Client[];

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'usage-'));
  const filename = path.join(folder, 'history.db');
  app = await startApp({ env: { MES_SQL_DSN: filename } });
  characterId = (await app.admin.createCharacter({ name: '=Ada' })).documentId;
  users = [await app.createUser(), await app.createUser()];
  store = openHistoryStore({
    address: { kind: 'sqlite', filename },
    dailyPartitions: false,
    timeZone: 'UTC',
    pool: { maxIdle: 1, maxOpen: 1, maxLifetimeMs: 0 },
  });
});
afterAll(async () => {
  await store.close();
  await app.stop();
  await rm(folder, { recursive: true });
});

const allRecords = () => store.readBefore('2100-01-01', null, 10_000);

/** Waits until the history has this many records. */
async function copied(count: number): Promise<readonly HistoryRecord[]> {
  for (const giveUpAt = Date.now() + 20_000; ;) {
    const records = await allRecords();
    if (records.length >= count) return records;
    if (Date.now() > giveUpAt) throw new Error(`The history has ${records.length} records, not ${count}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function read(query: string): Promise<UsageReply> {
  const reply = await app.admin.client.get(`${usage}?${query}`);
  expect([reply.status, reply.text]).toEqual([200, expect.any(String)]);
  return reply.body.data as UsageReply;
}

const keys: Record<UsageDimension, (record: HistoryRecord) => string> = {
  day: ({ createdAt }) => createdAt.toISOString().slice(0, 10),
  character: (record) => record.characterId ?? '',
  model: (record) => record.model,
};

/** Returns the value at a rank of a list: the nearest rank. */
function exactQuantile(records: readonly HistoryRecord[], share: number): number | null {
  const times = records.flatMap(({ firstTokenMs }) => firstTokenMs ?? []).sort((one, other) => one - other);
  return times[Math.ceil(times.length * share) - 1] ?? null;
}

function expectSums(row: Omit<UsageRow, 'id' | 'name'>, records: readonly HistoryRecord[]): void {
  const sum = (pick: (record: HistoryRecord) => number) =>
    records.reduce((total, one) => total + pick(one), 0);
  expect([row.messages, row.users, row.errors]).toEqual([
    records.length,
    new Set(records.map(({ userDocumentId }) => userDocumentId)).size,
    sum(({ error }) => (error === null ? 0 : 1)),
  ]);
  expect([row.prompt_tokens, row.completion_tokens, row.total_tokens]).toEqual([
    sum((one) => one.usage.promptTokens),
    sum((one) => one.usage.completionTokens),
    sum((one) => one.usage.totalTokens),
  ]);
  for (const [currency, amount] of Object.entries(row.price)) {
    const nanos = sum((one) => (one.usage.currency === currency ? one.usage.priceNanos : 0));
    expect(Math.round(Number(amount) * 1e9)).toBe(nanos);
  }
  for (const [share, found] of [
    [0.5, row.first_token_median_ms],
    [0.95, row.first_token_p95_ms],
  ] as const) {
    const exact = exactQuantile(records, share);
    if (exact === null) expect(found).toBeNull();
    // The last bin begins at an hour, and has no upper bound.
    else if (exact < 3_000_000)
      expect(Math.abs((found ?? Infinity) - exact)).toBeLessThanOrEqual(exact * 0.05);
  }
}

describe('the usage page', () => {
  it('counts the turns of users, their ratings and their waiting time', async () => {
    const [ada, bob] = users as [Client, Client];
    const answers = [];
    for (const [user, query] of [
      [ada, 'First'],
      [ada, 'Second'],
      [bob, '#fault:error-after-deltas after=3 Third'],
    ] as const)
      answers.push(await user.ask({ character_id: characterId, query }));
    const messageId = answers[0]?.body.data[1].message_id as string;
    const feedback = `/api/chat-conversations/messages/${messageId}/feedback`;
    expect((await ada.request('PUT', feedback, { body: { data: { rating: 'like' } } })).status).toBe(200);
    const records = await copied(3);

    for (const by of usageDimensions) {
      const { rows, totals } = await read(`by=${by}&days=1`);
      const id = { day: new Date().toISOString().slice(0, 10), character: characterId, model }[by];
      expect(rows.map((row) => [row.id, row.name])).toEqual([[id, by === 'character' ? '=Ada' : null]]);
      for (const sums of [...rows, totals]) {
        expectSums(sums, records);
        expect(sums).toMatchObject({ messages: 3, users: 2, errors: 1, likes: 1, dislikes: 0 });
        expect(sums.first_token_median_ms).toBeGreaterThanOrEqual(0);
      }
    }
  });

  it('equals a direct count over random turns', async () => {
    const records = randomRecords(createRandom(20_261_130), 1_500, 40);
    for (let index = 0; index < records.length; index += 250)
      await store.save(records.slice(index, index + 250));
    const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
    const [from, to] = [day(someNoon - 30 * dayMs), day(someNoon)];

    for (const by of usageDimensions) {
      for (const filter of [{}, { characterId: 'character-1' }, { model: '模型' }] as const) {
        const query = new URLSearchParams({ from, to, by });
        if ('characterId' in filter) query.set('character', filter.characterId);
        if ('model' in filter) query.set('model', filter.model);
        const reply = await read(String(query));
        const own = records.filter((one) => {
          const date = keys.day(one);
          const fits = Object.entries(filter).every(([key, value]) => Reflect.get(one, key) === value);
          return date >= from && date <= to && fits;
        });
        expectSums(reply.totals, own);
        if (by === 'day') expect(reply.rows).toHaveLength(31);
        const names = new Set(own.map(keys[by]));
        expect(reply.rows.filter(({ messages }) => messages > 0)).toHaveLength(names.size);
        for (const row of reply.rows)
          expectSums(
            row,
            own.filter((one) => keys[by](one) === row.id),
          );
      }
    }
  });

  it('gives the same numbers as CSV, without formulas', async () => {
    const { status, text, headers } = await app.admin.client.get(`${usage}.csv?by=character&days=1`);
    const [header, line] = text.replace('\uFEFF', '').split('\r\n');

    expect([status, headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8']);
    expect(headers.get('content-disposition')).toMatch(
      /^attachment; filename="usage-by-character-.*\.csv"$/u,
    );
    expect(header).toBe(
      'character_id,character,messages,users,errors,prompt_tokens,completion_tokens,total_tokens,likes,dislikes,' +
        'first_token_median_ms,first_token_p95_ms,price_usd',
    );
    expect(line).toMatch(new RegExp(`^${characterId},'=Ada,3,2,1,`, 'u'));
  });

  it('refuses wrong parameters with the name of the parameter', async () => {
    for (const [query, sentence] of [
      ['from=2025-02-30', /^from /u],
      ['from=2025-01-02&to=2025-01-01', /^from must not be after to/u],
      ['from=2020-01-01&to=2025-01-01', /^from can be at most 366 days/u],
      ['days=0', /^days /u],
      ['by=user', /^by must be day, character or model/u],
    ] as const) {
      const { status, body } = await app.admin.client.get(`${usage}?${query}`);
      expect([status, body.error.message]).toEqual([400, expect.stringMatching(sentence)]);
    }
  });

  it('is refused to users and to administrators without the right', async () => {
    const { admin } = app;
    const without = await admin.createAdministrator(await admin.createRole('Without', []));
    const withRight = await admin.createAdministrator(await admin.createRole('With', [right]));

    for (const url of [usage, `${usage}.csv`]) {
      expect((await users[0]?.get(url))?.status).toBe(401);
      expect((await app.anonymous.get(url)).status).toBe(401);
      expect((await without.get(url)).status).toBe(403);
      expect((await withRight.get(url)).status).toBe(200);
    }
  });

  it('finds ratings by their index', async () => {
    const connection = app.database.connect();
    const db = toStrapiDatabase(connection);
    const isPostgres = db.dialect.client === 'postgres';
    const query = { by: 'day', characterId: null, model: null, startMs: 0, endMs: Date.now() } as const;
    const { sql, bindings } = ratingsSql(db, model, query);
    const plan = await connection.transaction(async (trx) => {
      // PostgreSQL would scan such a small table.
      if (isPostgres) await trx.raw('set local enable_seqscan = off');
      return trx.raw(`${isPostgres ? 'explain' : 'explain query plan'} ${sql}`, [...bindings]);
    });
    await connection.destroy();

    expect(JSON.stringify(plan)).toContain('chat_conversations_rated_at_idx');
  });
});
