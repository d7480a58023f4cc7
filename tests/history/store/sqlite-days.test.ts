import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { openHistoryStore } from '../../../src/history/store/open';
import { scale } from '../../faults/support/scale';
import { createRandom } from '../../faults/support/random';
import { dayMs, inOrder, randomRecords, record, someNoon } from './support/records';
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

describe.each([
  { name: 'dividing', from: false, to: true },
  { name: 'joining', from: true, to: false },
])('a process killed while $name the tables', ({ from, to }) => {
  it('loses no record, and the next process continues', async () => {
    const records = randomRecords(createRandom(11), 5_000, 20);
    const before = openHistoryStore(history.settings(from));
    for (let index = 0; index < records.length; index += 500)
      await before.save(records.slice(index, index + 500));
    await before.close();
    const child = spawn(
      process.execPath,
      [
        '--import',
        'tsx',
        path.join(__dirname, 'support/migrating-child.ts'),
        JSON.stringify(history.settings(to)),
      ],
      { stdio: 'inherit' },
    );
    const ended = once(child, 'exit');
    const countMoved = async () => {
      const [state] = await history.rows('select daily from history_state');
      if (Boolean(state?.['daily']) !== to) return 0;
      const [row] = await history.rows('select count(*) as count from conversation_histories_flat');
      return to ? 4_000 - Number(row?.['count']) : Number(row?.['count']);
    };
    while ((await countMoved()) < 600) await pause(1);
    child.kill('SIGKILL');
    await ended;

    const [left] = await history.rows('select count(*) as count from conversation_histories_flat');
    expect(left?.['count']).toBeGreaterThan(0);
    const store = openHistoryStore(history.settings(to));
    const ids = async () =>
      (await store.readBefore('2100-01-01', null, 10_000)).map(({ recordId }) => recordId);
    const expected = inOrder(records)
      .map(({ recordId }) => recordId)
      .reverse();
    expect(await ids()).toEqual(expected);
    await store.migrated();
    expect(await ids()).toEqual(expected);
    const tables = await history.rows(
      "select name from sqlite_master where name = 'conversation_histories_flat'",
    );
    expect(tables).toEqual([]);
    await store.close();
  });
});
