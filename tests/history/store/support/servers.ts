import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import knex, { type Knex } from 'knex';

import { parseDsn } from '../../../../src/env/dsn';
import type { HistoryAddress, HistoryStoreSettings } from '../../../../src/history/settings';
import { isFull } from '../../../faults/support/scale';
import { startCable, type Cable } from '../../../support/cable';

export type ServerName = 'sqlite' | 'postgres' | 'mariadb';

/** An empty database for a test of the history. */
export interface TestHistory {
  settings(dailyPartitions: boolean, timeZone?: string): HistoryStoreSettings;
  /** The value of `MES_SQL_DSN` for this database. */
  readonly dsn: string;
  /** A separate connection to this database. */
  readonly db: Knex;
  rows(sql: string, bindings?: readonly (string | number)[]): Promise<readonly Record<string, unknown>[]>;
  /** The proxy between the store and the server. Null for SQLite. */
  readonly cable: Cable | null;
  drop(): Promise<void>;
}

export function isThere(server: ServerName): boolean {
  return server !== 'mariadb' || process.env['TEST_MARIADB_PORT'] !== undefined;
}

/** Defines the tests for each database, with and without daily partitions. Skips MariaDB when it is not installed. */
export function describeOnEachStore(
  what: string,
  tests: (server: ServerName, isDaily: boolean) => void,
): void {
  for (const server of ['sqlite', 'postgres', 'mariadb'] as const) {
    const run = isThere(server) ? describe : describe.skip;
    for (const isDaily of [false, true]) {
      // In the check, a server runs these tests once. The contract of the stores runs on each kind.
      if (!isDaily && !isFull) continue;
      run(`${what} on ${server}, with partitions: ${isDaily}`, () => tests(server, isDaily));
    }
  }
}

/** @param name of the database on PostgreSQL and MariaDB. */
export function createHistory(server: ServerName, name = newName()): Promise<TestHistory> {
  return { sqlite: createSqlite, postgres: createPostgres, mariadb: createMariadb }[server](name);
}

const settingsFor =
  (address: HistoryAddress) =>
  (dailyPartitions: boolean, timeZone = 'UTC'): HistoryStoreSettings => ({
    address,
    dailyPartitions,
    timeZone,
    pool: { maxIdle: 1, maxOpen: 4, maxLifetimeMs: 60_000 },
  });

const newName = () => `history_${randomBytes(6).toString('hex')}`;

async function createSqlite(): Promise<TestHistory> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chat-history-'));
  const filename = path.join(folder, 'history.db');
  const db = knex({
    client: 'better-sqlite3',
    connection: { filename },
    useNullAsDefault: true,
    pool: { min: 0, max: 1 },
  });
  return {
    settings: settingsFor({ kind: 'sqlite', filename }),
    dsn: filename,
    db,
    rows: (sql, bindings = []) => db.raw(sql, [...bindings]),
    cable: null,
    async drop() {
      await db.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function createPostgres(name: string): Promise<TestHistory> {
  const server = process.env['TEST_POSTGRES_URL'] ?? '';
  const admin = knex({ client: 'pg', connection: `${server}/postgres`, pool: { min: 0, max: 1 } });
  await admin.raw('create database ??', [name]);
  const cable = await startCable(Number(new URL(server).port));
  const url = new URL(`${server}/${name}`);
  const db = knex({ client: 'pg', connection: url.href, pool: { min: 0, max: 1 } });
  url.port = String(cable.port);
  return {
    settings: settingsFor({ kind: 'postgres', connection: url.href, schema: 'history' }),
    dsn: url.href,
    db,
    async rows(sql, bindings = []) {
      await db.raw('set search_path to history');
      return (await db.raw(sql, [...bindings])).rows;
    },
    cable,
    async drop() {
      await db.destroy();
      await cable.remove();
      await admin.raw('drop database ?? with (force)', [name]);
      await admin.destroy();
    },
  };
}

async function createMariadb(name: string): Promise<TestHistory> {
  const port = Number(process.env['TEST_MARIADB_PORT']);
  const password = process.env['TEST_MARIADB_PASSWORD'] ?? '';
  const connection = { host: '127.0.0.1', port, user: 'chat', password, charset: 'utf8mb4' };
  const db = knex({ client: 'mysql2', connection, pool: { min: 1, max: 1 } });
  await db.raw('create database ??', [name]);
  await db.raw('use ??', [name]);
  const cable = await startCable(port);
  const dsn = `chat:${password}@tcp(127.0.0.1:${cable.port})/${name}?charset=utf8mb4&parseTime=true`;
  const address = parseDsn(dsn);
  if (address.kind !== 'mysql') throw new Error('This is the address of a MySQL database.');
  return {
    settings: settingsFor(address),
    dsn,
    db,
    rows: async (sql, bindings = []) => (await db.raw(sql, [...bindings]))[0],
    cable,
    async drop() {
      await cable.remove();
      await db.raw('drop database ??', [name]);
      await db.destroy();
    },
  };
}
