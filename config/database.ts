import path from 'node:path';

import type { Core } from '@strapi/strapi';

import { DsnError, parseDsn, type DatabaseAddress } from '../src/chat/history/dsn';
import { rememberStatements } from '../src/stores/remember-statements';

// PostgreSQL's `timestamp` columns have no time zone: every process has to write and read them in the same one, without
// summer time. Set before the driver formats its first date.
process.env['TZ'] = 'UTC';

type Env = Core.Config.Shared.ConfigParams['env'];

/** What better-sqlite3 hands to the pool: only the part used here. */
interface SqliteConnection {
  prepare(sql: string): unknown;
  pragma(statement: string): unknown;
  function(name: string, options: { deterministic: boolean }, run: (value: unknown) => unknown): unknown;
}

/**
 * WAL lets readers go on while a turn is written; NORMAL may lose the last commits on power loss, never on a
 * crash of the process, and never corrupts (DATABASE_SQLITE_SYNCHRONOUS=FULL buys that too, at about 0.5 ms a commit).
 */
function sqlite(env: Env, filename = env('DATABASE_FILENAME', '.tmp/data.db')) {
  const synchronous = env.oneOf('DATABASE_SQLITE_SYNCHRONOUS', ['NORMAL', 'FULL'], 'NORMAL');
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
        connection.pragma(`synchronous = ${synchronous}`);
        connection.pragma('busy_timeout = 5000');
        beginWithTheLock(connection);
        // SQLite's own knows ASCII only: a search without regard to case would find "ÉCOLE" on PostgreSQL alone.
        connection.function('lower', { deterministic: true }, (value) =>
          typeof value === 'string' ? value.toLowerCase() : value,
        );
        rememberStatements(connection);
        done(null, connection);
      },
    },
  };
}

/**
 * A transaction that reads first and writes then is refused at once, whatever the timeout, if another process wrote in
 * between: somebody's registration would fail. One that takes the lock when it begins waits for it, and then has it.
 */
function beginWithTheLock(connection: SqliteConnection): void {
  const prepare = connection.prepare.bind(connection);
  connection.prepare = (sql) => prepare(sql === 'BEGIN;' ? 'BEGIN IMMEDIATE;' : sql);
}

function postgres(env: Env, connectionString = env('DATABASE_URL')) {
  return {
    client: 'postgres' as const,
    connection: {
      connectionString,
      host: env('DATABASE_HOST', 'localhost'),
      port: env.int('DATABASE_PORT', 5432),
      database: env('DATABASE_NAME', 'strapi'),
      user: env('DATABASE_USERNAME', 'strapi'),
      password: env('DATABASE_PASSWORD', ''),
      ssl: env.bool('DATABASE_SSL', false) && {
        ca: env('DATABASE_SSL_CA'),
        rejectUnauthorized: env.bool('DATABASE_SSL_REJECT_UNAUTHORIZED', true),
      },
      schema: env('DATABASE_SCHEMA', 'public'),
      // A connection that a firewall has dropped in silence is found out while it is idle, and not by a turn.
      keepAlive: true,
      keepAliveInitialDelayMillis: 60_000,
    },
    pool: { min: env.int('DATABASE_POOL_MIN', 2), max: env.int('DATABASE_POOL_MAX', 10) },
  };
}

/** SQL_DSN wins: whoever sets one address for all does not look for parts of another. */
function databaseOf(env: Env) {
  const dsn = env('SQL_DSN', '').trim();
  if (dsn !== '') {
    const address = parseMainDsn(dsn);
    return address.kind === 'sqlite'
      ? sqlite(env, address.filename)
      : postgres(env, address.connectionString);
  }
  const client = env('DATABASE_CLIENT', 'sqlite');
  if (client !== 'sqlite' && client !== 'postgres') {
    throw new Error(`DATABASE_CLIENT is "${client}". Use "sqlite" or "postgres".`);
  }
  return client === 'sqlite' ? sqlite(env) : postgres(env);
}

function parseMainDsn(dsn: string): Exclude<DatabaseAddress, { kind: 'mysql' }> {
  try {
    const address = parseDsn(dsn);
    if (address.kind !== 'mysql') return address;
  } catch (error) {
    if (error instanceof DsnError) throw new Error(`SQL_DSN ${error.message}.`);
    throw error;
  }
  throw new Error(
    'SQL_DSN is the address of a MySQL database. The main database is SQLite or PostgreSQL; MySQL can keep the history (MES_SQL_DSN).',
  );
}

const config = ({ env }: Core.Config.Shared.ConfigParams): Core.Config.Database => {
  return {
    connection: {
      ...databaseOf(env),
      acquireConnectionTimeout: env.int('DATABASE_CONNECTION_TIMEOUT_MS', 10_000),
    },
  } as Core.Config.Database;
};

export default config;
