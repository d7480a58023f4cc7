import path from 'node:path';

import type { Core } from '@strapi/strapi';
import { z } from 'zod';

import { dsn } from '../src/history/settings';
import { limitedTo, type PooledConnection } from '../src/history/store/connection-age';
import { count, flag, readVariables, text } from '../src/env/variables';
import { cacheStatements } from '../src/database/sql/sqlite-statement-cache';
import { addSqliteFunctions } from '../src/database/reader/sqlite-functions';

// PostgreSQL's `timestamp` columns have no time zone. All processes must use the same one, without summer time.
// It must be set before the driver formats its first date.
process.env['TZ'] = 'UTC';

type Env = Core.Config.Shared.ConfigParams['env'];
type Variables = ReturnType<typeof read>;

const mainDsn = dsn.transform((address, context) => {
  if (address.kind !== 'mysql') return address;
  context.addIssue({
    code: 'custom',
    message:
      'is the address of a MySQL database, which can keep only the history (MES_SQL_DSN): ' +
      'set it to the address of SQLite or PostgreSQL',
  });
  return z.NEVER;
});

const poolSize = (min: number) => count(min, 10_000, min).removeDefault().optional();

function read(env: Env) {
  const variables = readVariables(env, {
    SQL_DSN: mainDsn.optional(),
    DATABASE_CLIENT: z.enum(['sqlite', 'postgres'], 'must be sqlite or postgres').default('sqlite'),
    DATABASE_CONNECTION_TIMEOUT_MS: count(10_000, 3_600_000),
    DATABASE_FILENAME: text('.tmp/data.db'),
    DATABASE_SQLITE_SYNCHRONOUS: z.enum(['NORMAL', 'FULL'], 'must be NORMAL or FULL').default('NORMAL'),
    DATABASE_SQLITE_BUSY_TIMEOUT_MS: count(5_000, 60_000),
    DATABASE_URL: z.string().optional(),
    DATABASE_DIRECT_URL: z.string().optional(),
    DATABASE_HOST: text('localhost'),
    DATABASE_PORT: count(5432, 65_535),
    DATABASE_NAME: text('strapi'),
    DATABASE_USERNAME: text('strapi'),
    DATABASE_SCHEMA: text('public'),
    DATABASE_POOL_MIN: poolSize(0),
    DATABASE_POOL_MAX: poolSize(1),
    SQL_MAX_IDLE_CONNS: poolSize(0),
    SQL_MAX_OPEN_CONNS: poolSize(1),
    SQL_MAX_LIFETIME: count(0, 31_536_000, 0),
    DATABASE_SSL: flag(false),
    DATABASE_SSL_CA: z.string().optional(),
    DATABASE_SSL_REJECT_UNAUTHORIZED: flag(true),
  });
  // The password is not trimmed, because spaces around it are part of it.
  return { ...variables, password: env('DATABASE_PASSWORD', '') };
}

/** The part of a better-sqlite3 connection that this file uses. */
interface SqliteConnection {
  prepare(sql: string): unknown;
  pragma(statement: string): unknown;
  function(
    name: string,
    options: { deterministic: boolean },
    run: (...values: unknown[]) => unknown,
  ): unknown;
}

/**
 * Returns the configuration of SQLite. WAL lets readers continue while a turn is written.
 * NORMAL can lose the last commits on power loss, but not on a crash of the process. It never corrupts the file.
 * DATABASE_SQLITE_SYNCHRONOUS=FULL loses nothing, but costs about 0.5 ms per commit.
 */
function sqlite(variables: Variables, filename = variables.DATABASE_FILENAME) {
  return {
    client: 'sqlite' as const,
    connection: {
      filename: path.resolve(__dirname, '..', '..', filename),
    },
    useNullAsDefault: true,
    pool: {
      min: 1,
      max: 1,
      afterCreate(
        connection: SqliteConnection,
        done: (error: unknown, connection: SqliteConnection) => void,
      ) {
        connection.pragma('journal_mode = WAL');
        connection.pragma(`synchronous = ${variables.DATABASE_SQLITE_SYNCHRONOUS}`);
        connection.pragma(`busy_timeout = ${variables.DATABASE_SQLITE_BUSY_TIMEOUT_MS}`);
        // 10,000 pages are 40 MB. A thread normally moves the log earlier (`src/strapi/jobs/sqlite-checkpoints.ts`).
        connection.pragma('wal_autocheckpoint = 10000');
        beginWithTheLock(connection);
        addSqliteFunctions(connection);
        cacheStatements(connection);
        done(null, connection);
      },
    },
  };
}

/**
 * Makes each transaction take the write lock when it begins, and wait for it.
 * Otherwise, a transaction that reads first and then writes could fail immediately, for example a registration.
 * SQLite ignores the timeout if another process wrote between the read and the write.
 */
function beginWithTheLock(connection: SqliteConnection): void {
  const prepare = connection.prepare.bind(connection);
  connection.prepare = (sql) => prepare(sql === 'BEGIN;' ? 'BEGIN IMMEDIATE;' : sql);
}

function postgres(variables: Variables, connectionString = variables.DATABASE_URL) {
  return {
    client: 'postgres' as const,
    connection: {
      connectionString,
      host: variables.DATABASE_HOST,
      port: variables.DATABASE_PORT,
      database: variables.DATABASE_NAME,
      user: variables.DATABASE_USERNAME,
      password: variables.password,
      ssl: variables.DATABASE_SSL && {
        ca: variables.DATABASE_SSL_CA,
        rejectUnauthorized: variables.DATABASE_SSL_REJECT_UNAUTHORIZED,
      },
      schema: variables.DATABASE_SCHEMA,
      // This finds a connection that a firewall has dropped silently, before a turn uses it.
      keepAlive: true,
      keepAliveInitialDelayMillis: 60_000,
    },
    pool: poolOf(variables),
  };
}

/** Returns the size of the pool. The settings of both databases (SQL_MAX_…) apply where those of this one are not set. */
function poolOf(variables: Variables) {
  const max = variables.DATABASE_POOL_MAX ?? variables.SQL_MAX_OPEN_CONNS ?? 10;
  const min = variables.DATABASE_POOL_MIN ?? variables.SQL_MAX_IDLE_CONNS ?? 2;
  const limitAge = limitedTo(variables.SQL_MAX_LIFETIME * 1000);
  return {
    min: Math.min(min, max),
    max,
    afterCreate(connection: PooledConnection, done: (error: unknown, connection: PooledConnection) => void) {
      limitAge(connection);
      done(null, connection);
    },
  };
}

/** Returns the main database. SQL_DSN wins over the other variables, so that one address is enough. */
function databaseOf(variables: Variables) {
  const { SQL_DSN: address, DATABASE_CLIENT: client } = variables;
  if (address === undefined) return client === 'sqlite' ? sqlite(variables) : postgres(variables);
  return address.kind === 'sqlite'
    ? sqlite(variables, address.filename)
    : postgres(variables, address.connectionString);
}

const config = ({ env }: Core.Config.Shared.ConfigParams): Core.Config.Database => {
  const variables = read(env);
  return {
    connection: {
      ...databaseOf(variables),
      acquireConnectionTimeout: variables.DATABASE_CONNECTION_TIMEOUT_MS,
    },
    // The process locks (`src/database/locks`) use it, because they do not work through a pooler.
    directUrl: variables.DATABASE_DIRECT_URL,
  } as Core.Config.Database;
};

export default config;
