import { connect } from '../../../src/history/store/connect';
import type { Database } from '../../../src/history/store/database';
import { erase } from '../../../src/history/store/operations/erase';
import { createDays } from '../../../src/history/store/days';
import { createSqliteLayout } from '../../../src/history/store/layout/sqlite';
import { openHistoryStore } from '../../../src/history/store/open';
import { prune } from '../../../src/history/store/operations/prune';
import { listConversations, listRecords } from '../../../src/history/store/operations/read';
import { dayMs, record, someNoon } from './support/records';
import { createHistory, type TestHistory } from './support/servers';

const never = new AbortController().signal;
const sqliteLayout = createSqliteLayout(createDays('UTC'));
const firstPage = { limit: 100, offset: 0, after: null };
const ofAll = { userDocumentId: 'user1', conversationId: null, before: new Date(Date.UTC(2100, 0)) };
const recordOf = (userDocumentId: string, day: number) =>
  record({ recordId: `turn-${day}`, userDocumentId, createdAt: new Date(someNoon + day * dayMs) });

let history: TestHistory;
let database: Database;
beforeEach(async () => {
  history = await createHistory('sqlite');
  database = connect(history.settings(false));
});
afterEach(async () => {
  await database.close();
  await history.drop();
});

async function save(isDaily: boolean, records: readonly ReturnType<typeof record>[]): Promise<void> {
  const store = openHistoryStore(history.settings(isDaily));
  await store.save(records);
  await store.migrated();
  await store.close();
}

/** Moves records between the tables, and aborts after `times` transactions. */
async function move(isDaily: boolean, times: number): Promise<void> {
  const moving = new AbortController();
  let done = 0;
  const counting: Database = {
    ...database,
    async rest() {
      done += 1;
      if (done === times) moving.abort();
    },
  };
  await sqliteLayout.migrate(counting, isDaily, moving.signal);
}

const countOf = async (name: string) =>
  Number((await database.all(`select count(*) as count from ${name}`))[0]?.['count']);

/** Returns the same database. It calls `happens` after the transaction with this number. */
function interrupted(number: number, happens: () => Promise<void>): Database {
  let done = 0;
  return {
    ...database,
    async transaction(work) {
      const result = await database.transaction(work);
      done += 1;
      if (done === number) await happens();
      return result;
    },
  };
}

describe('while SQLite tables are being divided', () => {
  const days = [1, 2, 3, 4];
  beforeEach(async () => {
    await save(
      false,
      days.map((day) => recordOf('user1', day)),
    );
    await move(true, 2);
    expect(await countOf('conversation_histories_flat')).toBe(2);
  });

  it('a conversation without its first records starts with its oldest record in any table', async () => {
    await prune(database, sqliteLayout, '2025-01-17', never);
    const [summary] = await listConversations(database, 'everybody', firstPage);
    const open = { database, layout: sqliteLayout };
    const records = await listRecords(open, { userDocumentId: 'user1' }, 'session-1', firstPage);

    expect(summary?.firstAt).toEqual(new Date(someNoon + 2 * dayMs));
    expect(records.map(({ recordId }) => recordId)).toEqual(['turn-4', 'turn-3', 'turn-2']);
  });

  it('an erasure after pruning leaves no record and no sum', async () => {
    await prune(database, sqliteLayout, '2025-01-17', never);
    expect(await erase(database, sqliteLayout, ofAll)).toBe(3);

    expect(await countOf('conversation_histories')).toBe(0);
    expect(await countOf('history_conversations')).toBe(0);
    expect(await countOf('history_buckets')).toBe(0);
  });
});

describe('while SQLite tables are being joined', () => {
  beforeEach(async () => {
    await save(true, [recordOf('user2', 1), recordOf('user1', 2)]);
    await move(false, 1);
    expect(await countOf('conversation_histories_flat')).toBe(1);
  });
  /** Drops the tables of the first day, and moves the record of the second day. */
  const moveOn = () => move(false, 2);

  it('an erasure also removes a record that was moved meanwhile', async () => {
    // The record moves after the erasure was noted and the common table was searched.
    const moved = interrupted(2, moveOn);
    expect(await erase(moved, sqliteLayout, ofAll)).toBe(1);

    expect(await countOf("conversation_histories where user_document_id = 'user1'")).toBe(0);
    expect(await countOf("history_conversations where user_document_id = 'user1'")).toBe(0);
    expect(await countOf('conversation_histories')).toBe(1);
  });

  it('pruning also removes a record that was moved meanwhile', async () => {
    const moved = interrupted(1, moveOn);
    await prune(moved, sqliteLayout, '2025-01-18', never);

    expect(await countOf('conversation_histories')).toBe(0);
    expect(await countOf('history_conversations')).toBe(0);
  });
});
