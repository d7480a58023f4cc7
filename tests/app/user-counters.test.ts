import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import {
  createCounterTable,
  createUserCounters,
  nameCountsByDocument,
} from '../../src/database/users/counters';
import { thrown } from '../chat/support/collect';
import { createDatabase, database, type TestDatabase } from '../support/database';

type Database = Core.Strapi['db'];

const limits = {
  turnsAtOnce: 0,
  turnsPerMinute: 5,
  tokensPerDay: 100,
  writesPerMinute: 6,
  charsPerDay: 200,
  maxLiveTurns: 1,
};

let testDatabase: TestDatabase;
let connections: Knex[];

beforeEach(async () => {
  testDatabase = await createDatabase();
  connections = Array.from({ length: 4 }, () => testDatabase.connect());
});
afterEach(async () => {
  for (const connection of connections) await connection.destroy();
  await testDatabase.drop();
});

/** Imitates the part of Strapi's database that the counters use, for each of several processes. */
function processes(schema?: string): Database[] {
  return connections.map((connection) => {
    const db = {
      connection,
      dialect: { client: database },
      getSchemaName: () => schema,
      getConnection: (table: string) =>
        schema === undefined ? connection(table) : connection(table).withSchema(schema),
      getSchemaConnection: () =>
        schema === undefined ? connection.schema : connection.schema.withSchema(schema),
    };
    return db as unknown as Database;
  });
}

async function start(schema?: string) {
  const all = processes(schema);
  await Promise.all(all.map(createCounterTable));
  return all.map((db) => {
    const { turnsPerMinute, tokensPerDay } = createUserCounters(db, limits);
    if (turnsPerMinute === null || tokensPerDay === null) throw new Error('A limit is off.');
    return { turns: turnsPerMinute, tokens: tokensPerDay };
  });
}

const rows = () => (connections[0] as Knex)('chat_limits').select('*');

it('createCounterTable creates the table once, also for several processes at the same time', async () => {
  const [first] = await start();
  await first?.turns.count('doc-1');
  await start();
  expect(await rows()).toHaveLength(1);
});

it('the counters limit turns across several processes at the same time', async () => {
  const all = await start();
  const counted = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => all[index % all.length]?.turns.count('doc-1')),
  );
  expect(counted.filter((count) => count?.isAllowed)).toHaveLength(limits.turnsPerMinute);
  const remaining = counted.filter((count) => count?.isAllowed).map((count) => count?.rateLimit.remaining);
  expect(remaining.sort()).toEqual([0, 1, 2, 3, 4]);
  for (const count of counted) {
    const ms = (count?.rateLimit.resetAtMs ?? 0) - Date.now();
    expect(ms).toBeGreaterThan(50_000);
    expect(ms).toBeLessThanOrEqual(60_000);
  }
  expect((await all[0]?.turns.count('doc-2'))?.isAllowed).toBe(true);
});

it('the counters refuse a refused user without the database until the minute is over', async () => {
  const [one] = await start();
  for (let times = 0; times < 20; times += 1) await one?.turns.count('doc-1');
  expect(await rows()).toMatchObject([{ key: 'turns:doc-1', points: limits.turnsPerMinute + 1 }]);
});

it('the counters refund a turn', async () => {
  const [one, other] = await start();
  for (let times = 0; times < limits.turnsPerMinute; times += 1) await one?.turns.count('doc-1');
  await other?.turns.refund('doc-1');
  expect((await one?.turns.count('doc-1'))?.isAllowed).toBe(true);
  expect((await other?.turns.count('doc-1'))?.isAllowed).toBe(false);
});

it('the counters add up the tokens of all processes until midnight in UTC', async () => {
  const [one, other] = await start();
  const midnight = new Date().setUTCHours(24, 0, 0, 0);
  expect(await one?.tokens.read('doc-1')).toMatchObject({ limit: 100, remaining: 100 });
  await one?.tokens.add('doc-1', 30);
  await other?.tokens.add('doc-1', 30);
  expect(await one?.tokens.read('doc-1')).toMatchObject({ limit: 100, remaining: 40 });
  await Promise.all(Array.from({ length: 10 }, async () => other?.tokens.add('doc-1', 50)));
  const state = await one?.tokens.read('doc-1');
  expect(state).toMatchObject({ limit: 100, remaining: 0 });
  expect(Math.abs((state?.resetAtMs ?? 0) - midnight)).toBeLessThanOrEqual(2_000);
  expect(await one?.tokens.read('doc-2')).toMatchObject({ remaining: 100 });
});

it('nameCountsByDocument moves the tokens of an older version from user ids to documentIds', async () => {
  const [one, other] = await start();
  const [connection, ...others] = connections as [Knex, ...Knex[]];
  await connection.schema.createTable('up_users', (table) => {
    table.increments('id');
    table.string('document_id');
  });
  await connection('up_users').insert([
    { id: 7, document_id: 'doc-1' },
    { id: 12, document_id: 'doc-2' },
  ]);
  const expire = Date.now() + 60_000;
  await connection('chat_limits').insert([
    { key: 'tokens:7', points: 30, expire },
    { key: 'tokens:12', points: 40, expire },
    { key: 'tokens:13', points: 50, expire },
    { key: 'turns:7', points: 1, expire },
  ]);
  // Another process already counts by documentId.
  await other?.tokens.add('doc-2', 1);
  const all = processes().slice(0, 1 + others.length);
  await Promise.all(all.map(nameCountsByDocument));
  expect(await one?.tokens.read('doc-1')).toMatchObject({ remaining: 70 });
  expect(await one?.tokens.read('doc-2')).toMatchObject({ remaining: 99 });
  const keys = (await rows()).map(({ key }: { key: string }) => key);
  expect(keys.sort()).toEqual(['tokens:12', 'tokens:13', 'tokens:doc-1', 'tokens:doc-2', 'turns:7']);
});

it('the counters delete expired rows in the background, and keep the rest', async () => {
  const [one] = await start();
  const passed = { points: 3, expire: Date.now() - 3_600_001 };
  const lasting = { points: 3, expire: Date.now() + 60_000 };
  await (connections[1] as Knex)('chat_limits').insert([
    { key: 'turns:8', ...passed },
    { key: 'tokens:8', ...passed },
    { key: 'turns:9', ...lasting },
    // The clock of another process can be slow, and by that clock this row has not expired.
    { key: 'turns:10', points: 3, expire: Date.now() - 90_000 },
  ]);
  await one?.turns.count('doc-1');
  let keys: unknown[] = ['turns:8'];
  while (keys.includes('turns:8')) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    keys = (await rows()).map(({ key }: { key: string }) => key);
  }
  expect(keys.sort()).toEqual(['turns:10', 'turns:9', 'turns:doc-1']);
});

it('the counters use the schema of the settings', async () => {
  if (database === 'sqlite') return;
  const [connection] = connections;
  await connection?.raw('create schema chat');
  const [one] = await start('chat');
  await one?.turns.count('doc-1');
  await one?.tokens.add('doc-1', 3);
  expect(await connection?.withSchema('chat').from('chat_limits')).toHaveLength(2);
  expect(await connection?.schema.hasTable('chat_limits')).toBe(false);
});

it('the counters pass on errors of the database', async () => {
  const [one] = await start();
  await (connections[1] as Knex).schema.dropTable('chat_limits');
  expect(String(await thrown(async () => one?.turns.count('doc-1')))).toContain('chat_limits');
  expect(String(await thrown(async () => one?.tokens.read('doc-1')))).toContain('chat_limits');
});
