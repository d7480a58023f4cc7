import { openHistoryStore } from '../../../src/history/store/open';
import { scale } from '../../faults/support/scale';
import { dayMs, inOrder, record, someNoon } from './support/records';
import { createHistory, type TestHistory } from './support/servers';

let history: TestHistory;
beforeEach(async () => {
  history = await createHistory('sqlite');
});
afterEach(() => history.drop());

/** More tables than SQLite accepts in one statement, which is 500. */
const days = scale({ full: 1_200, smoke: 510 });

describe(`SQLite history with tables for ${days} days`, () => {
  it('returns pages and counts through one view', async () => {
    const store = openHistoryStore(history.settings(true));
    const records = Array.from({ length: days }, (_, index) =>
      record({ recordId: `turn-${index}`, createdAt: new Date(someNoon - index * dayMs) }),
    );
    await store.save(records);
    const started = performance.now();
    const page = await store.listRecords({ userDocumentId: 'user1' }, 'session-1', {
      limit: 50,
      offset: days - 100,
      after: null,
    });
    const tookMs = performance.now() - started;
    process.stdout.write(
      `history · sqlite · ${days} days: a page of one conversation takes ${tookMs.toFixed()} ms\n`,
    );

    expect(page.map(({ recordId }) => recordId)).toEqual(
      inOrder(records)
        .slice(days - 100, days - 50)
        .map(({ recordId }) => recordId),
    );
    expect(await history.rows('select count(*) as count from conversation_histories')).toEqual([
      { count: days },
    ]);
    await store.prune('2025-01-14', new AbortController().signal);
    expect(await history.rows('select record_id from conversation_histories order by record_id')).toEqual([
      { record_id: 'turn-0' },
      { record_id: 'turn-1' },
    ]);
    await store.close();
    // No installation has so many tables. One minute is too short on a busy machine.
  }, 240_000);
});
