import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { inStatements } from '../../src/database/sql/statements';
import { createDatabase, database, type TestDatabase } from '../support/database';
import { toStrapiDatabase } from '../support/strapi-database';

let home: TestDatabase;
let connection: Knex;
let other: Knex;
let db: Core.Strapi['db'];

beforeAll(async () => {
  home = await createDatabase();
  connection = home.connect();
  other = home.connect();
  db = toStrapiDatabase(connection);
  if (database === 'sqlite') await connection.raw('pragma foreign_keys = on');
  await connection.raw('create table owners (id integer primary key)');
  await connection.raw(
    `create table things (id integer primary key, name varchar(20), made_at bigint,
       owner_id integer references owners (id) deferrable initially deferred)`,
  );
});
afterAll(async () => {
  await connection.destroy();
  await other.destroy();
  await home.drop();
});
beforeEach(async () => {
  await connection('things').delete();
});

const names = () => connection('things').orderBy('id').pluck('name');

describe('inStatements', () => {
  it('commits all statements, and returns the rows of a statement', async () => {
    const rows = await inStatements(db, async (statement) => {
      expect(
        await statement({ sql: 'insert into things (id, name) values (?, ?)', values: [1, 'a'] }),
      ).toEqual([]);
      return statement({
        sql: 'insert into things (id, name) values (?, ?), (?, ?) returning id, name',
        values: [2, "b'", 3, null],
      });
    });
    expect(rows).toEqual([
      { id: 2, name: "b'" },
      { id: 3, name: null },
    ]);
    expect(await names()).toEqual(['a', "b'", null]);
  });

  it('rolls back after an error, passes the error on, and leaves the connection usable', async () => {
    const failed = inStatements(db, async (statement) => {
      await statement({ sql: 'insert into things (id, name) values (?, ?)', values: [1, 'a'] });
      throw new Error('changed my mind');
    });
    await expect(failed).rejects.toThrow('changed my mind');
    const twice = inStatements(db, async (statement) => {
      await statement({ sql: 'insert into things (id, name) values (?, ?)', values: [1, 'a'] });
      await statement({ sql: 'insert into things (id, name) values (?, ?)', values: [1, 'again'] });
    });
    await expect(twice).rejects.toMatchObject({
      code: database === 'sqlite' ? 'SQLITE_CONSTRAINT_PRIMARYKEY' : '23505',
    });
    expect(await names()).toEqual([]);
    await inStatements(db, (statement) =>
      statement({ sql: 'insert into things (id, name) values (4, ?)', values: ['d'] }),
    );
    expect(await names()).toEqual(['d']);
  });

  it('rejects and changes nothing if the commit fails', async () => {
    const orphan = inStatements(db, (statement) =>
      statement({ sql: 'insert into things (id, name, owner_id) values (1, ?, 99)', values: ['orphan'] }),
    );
    await expect(orphan).rejects.toMatchObject({
      code: database === 'sqlite' ? 'SQLITE_CONSTRAINT_FOREIGNKEY' : '23503',
    });
    expect(await names()).toEqual([]);
    await inStatements(db, (statement) =>
      statement({ sql: 'insert into things (id, name) values (1, ?)', values: ['a'] }),
    );
    expect(await names()).toEqual(['a']);
  });

  (database === 'postgres' ? it : it.skip)(
    'survives the loss of its connection, and waits at most lockTimeoutMs for a lock',
    async () => {
      const lost = inStatements(db, (statement) =>
        statement({ sql: 'select pg_terminate_backend(pg_backend_pid())', values: [] }),
      );
      await expect(lost).rejects.toThrow();
      await inStatements(db, (statement) =>
        statement({ sql: 'insert into things (id, name) values (1, ?)', values: ['a'] }),
      );

      const holder = await other.transaction();
      await holder('things').where({ id: 1 }).update({ name: 'held' });
      const rename = (lockTimeoutMs?: number) =>
        inStatements(
          db,
          (statement) => statement({ sql: 'update things set name = ? where id = 1', values: ['b'] }),
          lockTimeoutMs,
        );
      await expect(rename(20)).rejects.toMatchObject({ code: '55P03' });
      const waiting = rename();
      await holder.rollback();
      await waiting;
      expect(await names()).toEqual(['b']);
    },
  );
});
