import knex, { type Knex } from 'knex';

import { bytesOfTable } from '../../bench/support/disk';

describe('bytesOfTable', () => {
  let db: Knex;
  beforeEach(async () => {
    db = knex({ client: 'better-sqlite3', connection: { filename: ':memory:' }, useNullAsDefault: true });
    await db.raw('create table messages (id integer primary key, text)');
    await db.raw('create table others (text)');
    await db('messages').insert({ text: 'a'.repeat(1_000_000) });
    await db('others').insert({ text: 'a'.repeat(5_000_000) });
  });
  afterEach(() => db.destroy());

  it('counts the pages of the table and of its indexes only', async () => {
    const bare = await bytesOfTable(db, 'sqlite', 'messages');
    await db.raw('create index messages_text on messages (text)');
    const indexed = await bytesOfTable(db, 'sqlite', 'messages');

    expect(Math.round(bare / 100_000)).toBe(10);
    expect(Math.round(indexed / 100_000)).toBe(20);
  });
});
