import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import knex, { type Knex } from 'knex';

/** The database of the current Jest project: see jest.config.mjs. SQLite in a project that names none. */
export const database = (globalThis as { database?: 'sqlite' | 'postgres' }).database ?? 'sqlite';

/** Whether the tests of this Jest project run in a host with the plugin. */
export const inHost = (globalThis as { inHost?: boolean }).inHost === true;

/** An empty database of that kind. */
export interface TestDatabase {
  /** Variables with which the application uses this database. */
  readonly env: Readonly<Record<string, string>>;
  /** Opens a connection, in addition to the application's. */
  connect(): Knex;
  drop(): Promise<void>;
  /** PostgreSQL only: ends all connections, and refuses new ones. @returns a function that allows them again. */
  refuseConnections(): Promise<() => Promise<void>>;
}

export function createDatabase(kind = database): Promise<TestDatabase> {
  return kind === 'postgres' ? createPostgresDatabase() : createSqliteDatabase();
}

/**
 * Creates a database with the application's tables and an administrator, as after its first start. It is a copy of what
 * `start-template.ts` has made: to create the tables takes a second for each application.
 */
export function copyTemplate(): Promise<TestDatabase> {
  const template = process.env[templateVariable(database, inHost)];
  if (template === undefined) throw new Error(`The tests have no template of ${database}.`);
  return database === 'postgres' ? createPostgresDatabase(template) : createSqliteDatabase(template);
}

/** The environment variable with the template's database name or file. */
export const templateVariable = (kind: typeof database, ofHost: boolean) =>
  `TEST_TEMPLATE_${ofHost ? 'HOST_' : ''}${kind.toUpperCase()}`;

async function createSqliteDatabase(template?: string): Promise<TestDatabase> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chat-sqlite-'));
  const filename = path.join(folder, 'data.db');
  if (template !== undefined) await copyFile(template, filename);
  return {
    env: { DATABASE_CLIENT: 'sqlite', DATABASE_FILENAME: filename },
    connect: () => knex({ client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true }),
    drop: () => rm(folder, { recursive: true, force: true }),
    refuseConnections: () => Promise.reject(new Error('SQLite has no connections to refuse.')),
  };
}

async function createPostgresDatabase(template = 'template1'): Promise<TestDatabase> {
  const server = process.env['TEST_POSTGRES_URL'] ?? '';
  const name = `chat_${randomBytes(6).toString('hex')}`;
  const url = `${server}/${name}`;
  await onServer(server, (connection) => connection.raw('create database ?? template ??', [name, template]));
  return {
    env: { DATABASE_CLIENT: 'postgres', DATABASE_URL: url },
    connect: () => knex({ client: 'pg', connection: url, pool: { min: 0, max: 2 } }),
    drop: () => onServer(server, (connection) => connection.raw('drop database ?? with (force)', [name])),
    async refuseConnections() {
      const allow = (isAllowed: boolean) =>
        onServer(server, async (connection) => {
          await connection.raw(`alter database ?? allow_connections ${isAllowed}`, [name]);
          await connection.raw('select pg_terminate_backend(pid) from pg_stat_activity where datname = ?', [
            name,
          ]);
        });
      await allow(false);
      return () => allow(true);
    },
  };
}

async function onServer(server: string, run: (connection: Knex) => Promise<unknown>): Promise<void> {
  const connection = knex({ client: 'pg', connection: `${server}/postgres`, pool: { min: 0, max: 1 } });
  try {
    await run(connection);
  } finally {
    await connection.destroy();
  }
}
