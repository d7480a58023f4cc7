import { mkdirSync } from 'node:fs';
import path from 'node:path';
import createKnex, { type Knex } from 'knex';

import type { HistoryStoreSettings, PoolSettings } from '../settings';
import { limitedTo, type PooledConnection } from './connection-age';
import { createDatabase, type Database } from './database';

type Address = HistoryStoreSettings['address'];

/** How long an operation waits for a connection. */
const acquireTimeoutMs = 10_000;
const connectTimeoutMs = 5_000;

const silent = { warn: ignore, error: ignore, deprecate: ignore, debug: ignore };
function ignore(): void {}

/** Prepares the database without connecting. For SQLite, it creates the folder. @throws if the driver is missing. */
export function connect({ address, pool }: HistoryStoreSettings): Database {
  const common = { acquireConnectionTimeout: acquireTimeoutMs, log: silent };
  switch (address.kind) {
    case 'sqlite':
      mkdirSync(path.dirname(address.filename), { recursive: true });
      return createDatabase(createKnex({ ...common, ...sqlite(address.filename) }), 'sqlite');
    case 'postgres':
      return createDatabase(createKnex({ ...common, ...postgres(address, pool) }), 'postgres');
    case 'mysql':
      return createDatabase(createKnex({ ...common, ...mysql(address, pool) }), 'mysql');
  }
}

/** The part of a better-sqlite3 connection that this file uses. */
interface SqliteConnection {
  pragma(statement: string): unknown;
}

function sqlite(filename: string): Knex.Config {
  return {
    client: 'better-sqlite3',
    connection: { filename },
    useNullAsDefault: true,
    pool: {
      min: 0,
      max: 1,
      afterCreate: afterCreate((connection: SqliteConnection) => {
        // This timeout is only for WAL: the first of several processes turns it on, and the others wait.
        connection.pragma('busy_timeout = 1000');
        connection.pragma('journal_mode = WAL');
        connection.pragma('synchronous = NORMAL');
        // The driver waits by blocking its thread, and with it all readers. So a caller that finds the file locked
        // retries.
        connection.pragma('busy_timeout = 0');
      }),
    },
  };
}

function postgres(address: Extract<Address, { kind: 'postgres' }>, pool: PoolSettings): Knex.Config {
  const own =
    typeof address.connection === 'string' ? { connectionString: address.connection } : address.connection;
  const connection = { ...own, connectionTimeoutMillis: connectTimeoutMs, keepAlive: true };
  return {
    client: 'pg',
    connection: connection as Knex.PgConnectionConfig,
    ...(address.schema === null ? {} : { searchPath: [address.schema] }),
    pool: { ...toPool(pool), afterCreate: afterCreate(limitedTo(pool.maxLifetimeMs)) },
  };
}

function mysql(address: Extract<Address, { kind: 'mysql' }>, pool: PoolSettings): Knex.Config {
  const { user, password, database, at, tls } = address;
  const limit = limitedTo(pool.maxLifetimeMs);
  return {
    client: 'mysql2',
    connection: {
      ...at,
      user,
      password,
      database,
      charset: 'utf8mb4',
      connectTimeout: connectTimeoutMs,
      ...(tls === 'off' ? {} : { ssl: { rejectUnauthorized: tls === 'checked' } }),
    },
    pool: {
      ...toPool(pool),
      afterCreate(connection: MysqlConnection, done: Done<MysqlConnection>) {
        limit(connection);
        // The driver escapes values with backslashes. A server that takes backslashes literally would allow SQL in
        // values. Strict mode makes a value that does not fit an error, instead of cutting it.
        connection.query("set session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'", (first) => {
          if (first !== null) return done(first, connection);
          connection.query('set session transaction isolation level read committed', (second) =>
            done(second, connection),
          );
        });
      },
    },
  };
}

interface MysqlConnection extends PooledConnection {
  query(sql: string, done: (error: Error | null) => void): unknown;
}

type Done<T> = (error: Error | null, connection: T) => void;

function afterCreate<T>(prepare: (connection: T) => void) {
  return (connection: T, done: Done<T>) => {
    try {
      prepare(connection);
      done(null, connection);
    } catch (error) {
      done(error instanceof Error ? error : new Error('The connection could not be prepared.'), connection);
    }
  };
}

/** The pool closes idle connections above the minimum. */
function toPool({ maxIdle, maxOpen }: PoolSettings) {
  return { min: maxIdle, max: maxOpen, idleTimeoutMillis: 10_000 };
}
