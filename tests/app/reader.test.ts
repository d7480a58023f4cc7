import path from 'node:path';
import threads, { Worker } from 'node:worker_threads';

import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type * as source from '../../src/database/reader/reader';
import { createDatabase, database, type TestDatabase } from '../support/database';
import { toStrapiDatabase } from '../support/strapi-database';

/** The compiled file, because a thread cannot load TypeScript. `npm test` compiles it first. */
const compiled = path.resolve(__dirname, '../../dist/src/database/reader/reader.js');
// eslint-disable-next-line @typescript-eslint/no-require-imports -- its types come from the source
const { createReader } = require(compiled) as typeof source;

const isSqlite = database === 'sqlite';
const onSqlite = isSqlite ? it : it.skip;
const onPostgres = isSqlite ? it.skip : it;
const ada = { id: 1 };
const bob = { id: 2 };

let home: TestDatabase;
/** Has two connections on PostgreSQL: one for selects of the reader, one for other statements. */
let connection: Knex;
let db: Core.Strapi['db'];
let reader: source.Reader;
let started: Worker[];

beforeAll(async () => {
  home = await createDatabase();
  connection = home.connect();
  db = toStrapiDatabase(connection);
  if (isSqlite) await connection.raw('pragma journal_mode = wal');
  await connection.raw(
    'create table things (id integer primary key, name varchar(20), is_big boolean, made_at bigint)',
  );
});
afterAll(async () => {
  await connection.destroy();
  await home.drop();
});
beforeEach(async () => {
  started = [];
  jest.spyOn(threads, 'Worker').mockImplementation((file, options) => {
    const thread = new Worker(file, options);
    started.push(thread);
    return thread;
  });
  await connection('things').delete();
  await connection('things').insert([
    { id: 1, name: 'a', is_big: false, made_at: 10 },
    { id: 2, name: 'ÉCOLE', is_big: true, made_at: 20 },
    { id: 3, name: null, is_big: true, made_at: 30 },
  ]);
  reader = createReader(db, { selectsAtOnce: 1, timeoutMs: 30_000 });
});
afterEach(async () => {
  await reader.close();
  jest.restoreAllMocks();
});

const things = () => connection.from({ m: 'things' }).select('m.id').orderBy('m.id') as Knex.QueryBuilder;
const rowsOf = (owner: typeof ada, select: Knex.QueryBuilder, options?: source.ReadOptions) =>
  reader.rows<{ readonly id: number }>(owner, select, options);

/** Returns a select that takes minutes unless something ends it. */
const endless = () =>
  connection
    .from(
      connection.raw(
        isSqlite
          ? '(with recursive m(id) as (select 1 union all select id + 1 from m) select id from m) as m'
          : 'generate_series(1, 10000000000) as m(id)',
      ),
    )
    .count({ id: 'm.id' }) as Knex.QueryBuilder;
const interruptedAt = 'm.id';
const takeEndless = (owner: typeof ada, signal?: AbortSignal) =>
  rowsOf(owner, endless(), { signal, interruptedAt });

/** Waits until PostgreSQL runs the reader's select. A thread of SQLite can be interrupted before its select begins. */
async function isRunning(): Promise<void> {
  if (isSqlite) return;
  const sql = `select 1 from pg_stat_activity where query like '%generate_series(1,%' and state = 'active' and pid <> pg_backend_pid()`;
  while ((await connection.raw(sql)).rows.length === 0);
}

describe('the reader', () => {
  it('returns the rows of a select, with values of every type', async () => {
    const select = things().where({ is_big: true }).where('made_at', '>', new Date(10).getTime()).limit(5);
    expect(await rowsOf(ada, select)).toEqual([{ id: 2 }, { id: 3 }]);
    expect(await rowsOf(ada, things().where({ name: "'; drop table things; --" }))).toEqual([]);
  });

  it('sees committed rows, and no uncommitted rows', async () => {
    await rowsOf(ada, things());
    await connection('things').insert({ id: 4, name: 'b' });
    expect(await rowsOf(ada, things())).toHaveLength(4);
    const other = home.connect();
    const trx = await other.transaction();
    await trx('things').insert({ id: 5, name: 'c' });
    expect(await rowsOf(ada, things())).toHaveLength(4);
    await trx.commit();
    expect(await rowsOf(ada, things())).toHaveLength(5);
    await other.destroy();
  });

  it('knows the lower case of every script', async () => {
    expect(await rowsOf(ada, things().whereRaw("lower(name) = lower('École')"))).toEqual([{ id: 2 }]);
  });

  it('passes on the error code of a wrong statement', async () => {
    await expect(rowsOf(ada, things().where({ nowhere: 1 }))).rejects.toMatchObject({
      code: isSqlite ? 'SQLITE_ERROR' : '42703',
    });
    expect(await rowsOf(ada, things())).toHaveLength(3);
  });

  it('ends a select whose client has left, and starts the next one', async () => {
    const controller = new AbortController();
    const left = takeEndless(ada, controller.signal);
    const refused = expect(left).rejects.toThrow('left');
    const next = rowsOf(ada, things());
    await isRunning();
    controller.abort(new Error('left'));
    await refused;
    expect(await next).toHaveLength(3);
    expect(await connection('things').pluck('id')).toHaveLength(3);
  });

  it('ends a select that takes too long, with the code read-timeout', async () => {
    const hasty = createReader(db, { selectsAtOnce: 1, timeoutMs: 300 });
    const options = { interruptedAt };
    await expect(hasty.rows(ada, endless(), options)).rejects.toMatchObject({ code: 'read-timeout' });
    expect(await hasty.rows(ada, things())).toHaveLength(3);
    await hasty.close();
  });

  it('includes the waiting time in the timeout', async () => {
    const hasty = createReader(db, { selectsAtOnce: 1, timeoutMs: 500 });
    const [first, second] = [hasty.rows(ada, endless(), { interruptedAt }), hasty.rows(bob, things())];
    await expect(second).rejects.toMatchObject({ code: 'read-timeout' });
    await expect(first).rejects.toMatchObject({ code: 'read-timeout' });
    await hasty.close();
  });

  it('serves users in turn, however many selects each of them sends', async () => {
    const controller = new AbortController();
    const first = takeEndless(ada, controller.signal);
    const order: string[] = [];
    const take = async (name: string, owner: typeof ada) => {
      await rowsOf(owner, things());
      order.push(name);
    };
    const all = [take('ada 1', ada), take('ada 2', ada), take('ada 3', ada), take('bob 1', bob)];
    await isRunning();
    controller.abort(new Error('left'));
    await expect(first).rejects.toThrow('left');
    await Promise.all(all);
    expect(order).toEqual(['bob 1', 'ada 1', 'ada 2', 'ada 3']);
  });

  it('refuses a user who has too many waiting selects, and no other user', async () => {
    const controller = new AbortController();
    const first = takeEndless(ada, controller.signal);
    const waiting = Array.from({ length: 100 }, () => rowsOf(ada, things()));
    await expect(rowsOf(ada, things())).rejects.toMatchObject({ code: 'too-many-reads', status: 429 });
    const others = rowsOf(bob, things());
    controller.abort(new Error('left'));
    await expect(first).rejects.toThrow('left');
    expect(await others).toHaveLength(3);
    expect(await Promise.all(waiting)).toHaveLength(100);
  });

  onPostgres('leaves pool connections to other statements, and cancels only its own selects', async () => {
    const { max } = (connection.client as { readonly pool: { readonly max: number } }).pool;
    expect(max).toBe(2);
    const greedy = createReader(db, { selectsAtOnce: 10, timeoutMs: 30_000 });
    for (let round = 0; round < 20; round += 1) {
      const controller = new AbortController();
      const read = () => greedy.rows(ada, endless(), { signal: controller.signal });
      const [first, second] = [read(), read()].map((one) => expect(one).rejects.toThrow('left'));
      await isRunning();
      expect(await connection('things').pluck('id')).toHaveLength(3);
      controller.abort(new Error('left'));
      const next = connection('things').pluck('id');
      await Promise.all([first, second]);
      expect(await Promise.all([next, greedy.rows(ada, things()), things()])).toHaveLength(3);
    }
    await greedy.close();
  });

  onPostgres('sets a statement_timeout, so that PostgreSQL itself ends a select', async () => {
    const [row] = await reader.rows<{ readonly timeout: string }>(
      ada,
      connection.select(connection.raw("current_setting('statement_timeout') as timeout")),
    );
    expect(row?.timeout).toBe('30s');
    const [outside] = (await connection.raw("select current_setting('statement_timeout') as timeout")).rows;
    expect(outside.timeout).toBe('0');
  });

  onSqlite('does not block the main thread while it reads', async () => {
    await rowsOf(ada, things());
    const controller = new AbortController();
    const reading = takeEndless(ada, controller.signal);
    for (let round = 0; round < 100; round += 1) await connection('things').pluck('id');
    controller.abort(new Error('left'));
    await expect(reading).rejects.toThrow('left');
  });

  onSqlite('starts threads on demand, and keeps one free for other users', async () => {
    const wide = createReader(db, { selectsAtOnce: null, timeoutMs: 30_000 });
    expect(started).toHaveLength(0);
    for (let round = 0; round < 3; round += 1) await wide.rows(ada, things());
    expect(started).toHaveLength(1);
    const controller = new AbortController();
    const reading = wide.rows(ada, endless(), { signal: controller.signal, interruptedAt });
    expect(await wide.rows(bob, things())).toHaveLength(3);
    // The second thread is for other users, however many selects she sends.
    const hers = wide.rows(ada, things());
    expect(await wide.rows(bob, things())).toHaveLength(3);
    controller.abort(new Error('left'));
    await expect(reading).rejects.toThrow('left');
    expect(await hers).toHaveLength(3);
    await wide.close();
  });

  onSqlite(
    'survives the death of its thread: its select returns 503, and the next select starts a thread',
    async () => {
      await rowsOf(ada, things());
      const reading = takeEndless(ada);
      const refused = expect(reading).rejects.toMatchObject({ code: 'database-unavailable', status: 503 });
      const next = rowsOf(bob, things());
      await started[0]?.terminate();
      await refused;
      expect(await next).toHaveLength(3);
      expect(started).toHaveLength(2);
    },
  );

  onSqlite('cannot write', async () => {
    const insert = connection('things').insert({ id: 9 }) as unknown as Knex.QueryBuilder;
    await expect(rowsOf(ada, insert)).rejects.toMatchObject({ code: expect.any(String) });
    expect(await connection('things').pluck('id')).toHaveLength(3);
  });

  onSqlite('ends its threads when it is closed, also during a select', async () => {
    await rowsOf(ada, things());
    const reading = takeEndless(ada);
    const refused = expect(reading).rejects.toMatchObject({ code: 'server-stopping' });
    // After this, the thread has the select.
    await new Promise(setImmediate);
    await reader.close();
    await refused;
    expect(started.map(({ threadId }) => threadId)).toEqual([-1]);
    await expect(rowsOf(ada, things())).rejects.toMatchObject({ code: 'server-stopping' });
  });
});
