import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { env as strapiEnv } from '@strapi/utils';
import knex, { type Knex } from 'knex';

import readDatabase from '../../config/database';

/** The connection, where the environment says this and nothing else of a database. */
function connectionFor(variables: Readonly<Record<string, string>>): object {
  return configFor(variables).connection;
}

function configFor(variables: Readonly<Record<string, string>>) {
  const before = { ...process.env };
  for (const name of Object.keys(process.env)) if (/^(DATABASE|SQL)_/u.test(name)) delete process.env[name];
  Object.assign(process.env, variables);
  try {
    return readDatabase({ env: strapiEnv } as never);
  } finally {
    process.env = before;
  }
}

describe('SQL_DSN', () => {
  it('is the address of a PostgreSQL, and wins', () => {
    const connectionString = 'postgres://user:password@host:5432/name';

    expect(
      connectionFor({
        SQL_DSN: connectionString,
        DATABASE_URL: 'postgres://other',
        DATABASE_CLIENT: 'sqlite',
      }),
    ).toMatchObject({ client: 'postgres', connection: { connectionString } });
  });

  it('is the path of a SQLite file', () => {
    const filename = path.resolve('/tmp/chat.db');

    expect(connectionFor({ SQL_DSN: filename, DATABASE_CLIENT: 'postgres' })).toMatchObject({
      client: 'sqlite',
      connection: { filename },
    });
  });

  it('is refused where it is of MySQL, or nothing that is known, without repeating it', () => {
    expect(() => connectionFor({ SQL_DSN: 'root:secret@tcp(localhost:3306)/oneapi' })).toThrow(
      / SQL_DSN is the address of a MySQL database, .* SQLite or PostgreSQL(?!.*secret)/u,
    );
    expect(() => connectionFor({ SQL_DSN: 'oracle://secret' })).toThrow(/ SQL_DSN must be (?!.*secret)/u);
  });

  it('may be left out', () => {
    expect(connectionFor({ SQL_DSN: ' ' })).toMatchObject({ client: 'sqlite' });
    expect(connectionFor({ DATABASE_CLIENT: 'postgres', DATABASE_URL: 'postgres://one' })).toMatchObject({
      client: 'postgres',
      connection: { connectionString: 'postgres://one' },
    });
  });
});

it('names the server itself beside a pooler, for the lock of a process', () => {
  const env = {
    DATABASE_CLIENT: 'postgres',
    DATABASE_URL: 'postgres://pooler',
    DATABASE_DIRECT_URL: 'postgres://server',
  };
  expect(configFor(env)).toMatchObject({
    connection: { connection: { connectionString: 'postgres://pooler' } },
    directUrl: 'postgres://server',
  });
});

describe('the pool of PostgreSQL', () => {
  const poolFor = (variables: Readonly<Record<string, string>>) => {
    const { pool } = connectionFor({ DATABASE_CLIENT: 'postgres', ...variables }) as {
      pool: Knex.PoolConfig;
    };
    return { min: pool.min, max: pool.max };
  };

  it('has the size of its own settings, else of SQL_MAX_…', () => {
    expect(poolFor({})).toEqual({ min: 2, max: 10 });
    expect(poolFor({ SQL_MAX_IDLE_CONNS: '5', SQL_MAX_OPEN_CONNS: '50' })).toEqual({ min: 5, max: 50 });
    expect(poolFor({ SQL_MAX_IDLE_CONNS: '50', SQL_MAX_OPEN_CONNS: '20' })).toEqual({ min: 20, max: 20 });
    expect(poolFor({ SQL_MAX_OPEN_CONNS: '50', DATABASE_POOL_MAX: '4', DATABASE_POOL_MIN: '0' })).toEqual({
      min: 0,
      max: 4,
    });
  });
});

it('replaces a connection to PostgreSQL after SQL_MAX_LIFETIME, if it is set', async () => {
  const isMarkedAfter = async (variables: Readonly<Record<string, string>>) => {
    const { pool } = connectionFor({ DATABASE_CLIENT: 'postgres', ...variables }) as {
      pool: { afterCreate(connection: object, done: () => void): void };
    };
    const connection = {};
    pool.afterCreate(connection, () => undefined);
    await jest.advanceTimersByTimeAsync(300_000);
    return '__knex__disposed' in connection;
  };
  jest.useFakeTimers();
  try {
    expect(await isMarkedAfter({})).toBe(false);
    expect(await isMarkedAfter({ SQL_MAX_LIFETIME: '301' })).toBe(false);
    expect(await isMarkedAfter({ SQL_MAX_LIFETIME: '300' })).toBe(true);
  } finally {
    jest.useRealTimers();
  }
});

describe('a transaction on SQLite', () => {
  it('has the lock from its beginning: what it reads first stays so until it writes', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'chat-begin-'));
    const filename = path.join(folder, 'data.db');
    const config = connectionFor({ DATABASE_CLIENT: 'sqlite', DATABASE_FILENAME: filename });
    const ours = knex({ ...config, client: 'better-sqlite3' });
    const other = knex({ client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true });
    try {
      await other.raw('pragma busy_timeout = 0');
      await ours.schema.createTable('things', (table) => void table.integer('count'));
      await ours('things').insert({ count: 1 });
      await ours.transaction(async (trx) => {
        const { count } = await trx('things').first('count');
        await expect(other('things').update({ count: 7 })).rejects.toMatchObject({ code: 'SQLITE_BUSY' });
        await trx('things').update({ count: count + 1 });
      });
      expect(await other('things').first('count')).toEqual({ count: 2 });
    } finally {
      await Promise.all([ours.destroy(), other.destroy()]);
      await rm(folder, { recursive: true });
    }
  });
});
