import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';

import knex, { type Knex } from 'knex';

import type { DatabaseKind } from './database-kind';

/** An empty database for one application. */
export interface BenchDatabase {
  readonly kind: DatabaseKind;
  /** The variables with which an application uses it. */
  readonly env: Readonly<Record<string, string>>;
  /** Opens a separate connection, for filling. On SQLite, a crash of the machine could then damage the file. */
  connect(): Knex;
  drop(): Promise<void>;
}

export interface Databases {
  create(kind: DatabaseKind): Promise<BenchDatabase>;
  stop(): Promise<void>;
}

/** Creates databases. Starts the PostgreSQL of `npm ci`, with its default configuration, when one is first needed. */
export function createDatabases(workFolder: string): Databases {
  let server: Promise<string> | undefined;
  const startServer = async () => {
    // Imported late: the module registers exit handlers that end the process in its own way.
    const { default: startPostgres } = await import('../../tests/support/start-postgres');
    await startPostgres();
    return process.env['TEST_POSTGRES_URL'] ?? '';
  };
  return {
    async create(kind) {
      const name = `bench_${randomBytes(4).toString('hex')}`;
      if (kind === 'sqlite') return createSqlite(path.join(workFolder, `${name}.db`));
      server ??= startServer();
      return createPostgres(await server, name);
    },
    async stop() {
      if (server === undefined) return;
      await server.catch(() => undefined);
      const { default: stopPostgres } = await import('../../tests/support/stop-postgres');
      await stopPostgres();
    },
  };
}

function createSqlite(filename: string): BenchDatabase {
  return {
    kind: 'sqlite',
    env: { DATABASE_CLIENT: 'sqlite', DATABASE_FILENAME: filename },
    connect: () => knex({ client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true }),
    async drop() {
      for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(filename + suffix, { force: true });
    },
  };
}

async function createPostgres(server: string, name: string): Promise<BenchDatabase> {
  const onServer = async (statement: string) => {
    const connection = knex({ client: 'pg', connection: `${server}/postgres`, pool: { min: 0, max: 1 } });
    try {
      await connection.raw(statement, [name]);
    } finally {
      await connection.destroy();
    }
  };
  await onServer('create database ??');
  const url = `${server}/${name}`;
  return {
    kind: 'postgres',
    env: { DATABASE_CLIENT: 'postgres', DATABASE_URL: url },
    connect: () => knex({ client: 'pg', connection: url, pool: { min: 0, max: 1 } }),
    drop: () => onServer('drop database if exists ?? with (force)'),
  };
}
