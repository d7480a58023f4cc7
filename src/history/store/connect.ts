import { mkdirSync } from 'node:fs';
import path from 'node:path';
import createKnex, { type Knex } from 'knex';

import type { HistoryStoreSettings, PoolSettings } from '../settings';
import { createDatabase, type Database } from './database';

type Address = HistoryStoreSettings['address'];

/** How long a use of the store waits for a connection. */
const acquireTimeoutMs = 10_000;
const connectTimeoutMs = 5_000;

const silent = { warn: ignore, error: ignore, deprecate: ignore, debug: ignore };
function ignore(): void {}

/** Connects to nothing yet, but for SQLite's folder, which is made. @throws where the driver is missing. */
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

/** What better-sqlite3 hands to the pool: only the part used here. */
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
        // Only for this: the first process of several turns it on.
        connection.pragma('busy_timeout = 1000');
        connection.pragma('journal_mode = WAL');
        connection.pragma('synchronous = NORMAL');
        // The driver waits by blocking its thread, with those in it who would only read. Who finds the file locked comes
        // again instead.
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
        // The driver escapes values with backslashes: a server told to take those for themselves would be open to SQL in
        // values. And what does not fit is an error, never cut.
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

/** The pool closes what is idle beyond the minimum. */
function toPool({ maxIdle, maxOpen }: PoolSettings) {
  return { min: maxIdle, max: maxOpen, idleTimeoutMillis: 10_000 };
}

/** knex hands out no connection that is marked like this: the pool makes another in its place. */
interface PooledConnection {
  __knex__disposed?: unknown;
}

function limitedTo(maxLifetimeMs: number) {
  return (connection: PooledConnection): void => {
    if (maxLifetimeMs === 0) return;
    const mark = () => {
      connection.__knex__disposed ??= 'It has been open for long enough.';
    };
    // Above the largest delay of a timer it would fire at once.
    setTimeout(mark, Math.min(maxLifetimeMs, 2_147_483_647)).unref();
  };
}
