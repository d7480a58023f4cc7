import { readFileSync } from 'node:fs';
import path from 'node:path';

import { openHistoryStore } from '../../../src/history/store/open';
import { dayMs, failed, record, someNoon } from './support/records';
import { createHistory, describeOnEachStore, type ServerName, type TestHistory } from './support/servers';

const document = readFileSync(path.resolve(__dirname, '../../../docs/operations.md'), 'utf8');
/** The section "Scale" is about the main database. */
const [ofTheHistory = ''] = document.split('\n## Scale\n');
const blocks = [...ofTheHistory.matchAll(/^```sql\n(.*?)^```$/gmsu)].map(([, sql]) => sql ?? '');

const headings = { sqlite: 'SQLite', postgres: 'PostgreSQL', mariadb: 'MySQL' };

/**
 * Returns the statements for one database. Each part begins with a comment that names its database. Some parts are
 * only for tables of days.
 */
function statementsFor(server: ServerName, isDaily: boolean): string[] {
  const parts = blocks.flatMap((sql) => sql.split(/^(?=-- (?:PostgreSQL|MySQL|SQLite)\b)/mu));
  return parts
    .filter((part) => part.startsWith(`-- ${headings[server]}`))
    .filter((part) => isDaily || !part.includes('MES_DAILY_PARTITION=true'))
    .flatMap((part) => part.replaceAll(/^--.*$/gmu, '').split(';'))
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** All records are of 2025-01-15, except one of the day before. One of them is an error. */
const records = [
  record(),
  record({ recordId: 'turn-2', createdAt: new Date(someNoon + dayMs / 2 - 1) }),
  record({ recordId: 'turn-3', createdAt: new Date(someNoon - dayMs) }),
  failed({ recordId: 'turn-4' }),
];

describe('docs/operations.md', () => {
  it('names the database of every statement', () => {
    const count = (sql: string) => sql.replaceAll(/^--.*$/gmu, '').split(';').length - 1;
    const all = blocks.reduce((sum, sql) => sum + count(sql), 0);
    const known = (['sqlite', 'postgres', 'mariadb'] as const).flatMap((server) =>
      statementsFor(server, true),
    );

    expect(known).toHaveLength(all);
    expect(all).toBeGreaterThan(0);
  });
});

describeOnEachStore('the SQL of docs/operations.md', (server, isDaily) => {
  let history: TestHistory;
  beforeAll(async () => {
    history = await createHistory(server);
    const store = openHistoryStore(history.settings(isDaily));
    await store.save(records);
    await store.close();
  });
  afterAll(() => history.drop());

  it('returns the records, sizes and totals', async () => {
    const results: (readonly Record<string, unknown>[])[] = [];
    for (const statement of statementsFor(server, isDaily)) {
      // The client has just logged in. `history.rows` would set the search path.
      const found = await history.db.raw(statement);
      if (statement.startsWith('select'))
        results.push(found.rows ?? (server === 'mariadb' ? found[0] : found));
    }
    const [days, sizes, latest] = results;
    // Drivers return dates in the time zone of this process.
    const dateOf = (day: unknown) => (day instanceof Date ? day.toLocaleDateString('sv-SE') : String(day));

    expect(days?.map((row) => [dateOf(row['day']), Number(row['records'])])).toEqual([
      ['2025-01-14', 1],
      ['2025-01-15', 2],
    ]);
    expect(sizes?.map(({ name }) => name)).toContain(
      isDaily ? 'conversation_histories_2025_01_15' : 'conversation_histories',
    );
    expect(latest?.map((row) => Number(row['total_tokens']))).toEqual([3, 3]);
    const [copied] = await history.rows('select count(*) as records from archive_2025_01');
    expect(Number(copied?.['records'])).toBe(3);
  });

  const onDays = isDaily ? it : it.skip;
  onDays('archives and drops a day, which is then gone from lists and sums', async () => {
    const archived = await history.rows('select record_id from archive_conversation_histories_2025_01_15');
    expect(archived).toHaveLength(2);
    const store = openHistoryStore(history.settings(true));
    const [summary] = await store.listConversations('everybody', { limit: 100, offset: 0, after: null });
    const buckets = await store.listBuckets('everybody', new Date(0), new Date(Date.UTC(2100, 0)));
    await store.close();

    expect(summary).toMatchObject({ records: 1, errors: 0, lastAt: new Date(someNoon - dayMs) });
    expect(buckets.map(({ records: count }) => count)).toEqual([1]);
  });
});
