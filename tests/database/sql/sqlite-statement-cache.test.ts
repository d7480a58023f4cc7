import knex, { type Knex } from 'knex';

import { cacheStatements } from '../../../src/database/sql/sqlite-statement-cache';

interface Statement {
  run(...values: unknown[]): { readonly changes: number };
  all(): unknown[];
}

/** The part of better-sqlite3 that these tests use. The package has no types. */
interface Connection {
  prepare(sql: string): Statement;
  exec(sql: string): void;
}

let db: Knex;
let connection: Connection;

beforeEach(async () => {
  db = knex({ client: 'better-sqlite3', connection: { filename: ':memory:' }, useNullAsDefault: true });
  connection = await db.client.acquireConnection();
  connection.exec('create table t (a)');
  cacheStatements(connection);
});
afterEach(async () => {
  await db.client.releaseConnection(connection);
  await db.destroy();
});

describe('a connection that caches its statements', () => {
  it('compiles an SQL text once', () => {
    const insert = connection.prepare('insert into t values (?)');
    insert.run(1);
    expect(connection.prepare('insert into t values (?)')).toBe(insert);
    expect(connection.prepare('insert into t values (?)').run(2).changes).toBe(1);
    expect(connection.prepare('select a from t order by a').all()).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it('reuses a statement after an error', () => {
    connection.exec('create unique index u on t (a)');
    const insert = () => connection.prepare('insert into t values (?)').run(1);
    insert();
    expect(insert).toThrow(/UNIQUE/u);
    connection.exec('delete from t');
    expect(insert().changes).toBe(1);
  });

  it('sees the changes of a table', () => {
    connection.prepare('insert into t values (?)').run(1);
    const read = () => connection.prepare('select * from t').all();
    expect(read()).toEqual([{ a: 1 }]);
    connection.prepare("alter table t add column b default 'b'").run();
    expect(read()).toEqual([{ a: 1, b: 'b' }]);
    connection.prepare('drop table t').run();
    expect(read).toThrow(/no such table/u);
    connection.prepare('create table t (c)').run();
    connection.prepare('insert into t values (?)').run('c');
    expect(read()).toEqual([{ c: 'c' }]);
  });

  it('does not cache a pragma statement', () => {
    expect(connection.prepare('pragma user_version')).not.toBe(connection.prepare('pragma user_version'));
  });

  it('evicts the oldest statement when it is full', () => {
    const first = connection.prepare('select 0');
    for (let index = 1; index <= 500; index += 1) connection.prepare(`select ${index}`);
    expect(connection.prepare('select 0')).not.toBe(first);
  });
});
