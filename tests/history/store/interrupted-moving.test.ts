import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { openHistoryStore, type Store } from '../../../src/history/store/open';
import { createRandom } from '../../faults/support/random';
import { inOrder, randomRecords } from './support/records';
import { createHistory, isThere, type TestHistory } from './support/servers';

let history: TestHistory;
afterEach(() => history.drop());

const idsIn = async (store: Store) =>
  (await store.readBefore('2100-01-01', null, 10_000)).map(({ recordId }) => recordId);
const inFlat = async () => {
  const [row] = await history.rows('select count(*) as count from conversation_histories_flat');
  return Number(row?.['count']);
};

/** Jest does not know the errors of SQLite as errors if another file of the same worker has loaded its driver. */
const isMissing = expect.objectContaining({
  message: expect.stringMatching(/no such table|doesn't exist/u) as string,
});

/** Creates a store with these records, and closes it. */
async function createWith(isDaily: boolean, count: number): Promise<readonly string[]> {
  const records = randomRecords(createRandom(11), count, 20);
  const store = openHistoryStore(history.settings(isDaily));
  for (let index = 0; index < records.length; index += 500)
    await store.save(records.slice(index, index + 500));
  await store.close();
  return inOrder(records)
    .map(({ recordId }) => recordId)
    .reverse();
}

describe.each([
  { server: 'sqlite', name: 'dividing', from: false, to: true },
  { server: 'sqlite', name: 'joining', from: true, to: false },
  ...(isThere('mariadb')
    ? ([
        { server: 'mariadb', name: 'dividing', from: false, to: true },
        { server: 'mariadb', name: 'joining', from: true, to: false },
      ] as const)
    : []),
] as const)('a process killed while $name the tables on $server', ({ server, from, to }) => {
  it('loses no record, and the next process continues', async () => {
    history = await createHistory(server);
    const expected = await createWith(from, 5_000);
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
      return to ? 4_000 - (await inFlat()) : inFlat();
    };
    while ((await countMoved()) < 600) await pause(1);
    child.kill('SIGKILL');
    await ended;

    expect(await inFlat()).toBeGreaterThan(0);
    const store = openHistoryStore(history.settings(to));
    expect(await idsIn(store)).toEqual(expected);
    await store.migrated();
    expect(await idsIn(store)).toEqual(expected);
    await expect(inFlat()).rejects.toEqual(isMissing);
    await store.close();
  }, 120_000);
});

(isThere('mariadb') ? describe : describe.skip)(
  'a process killed between two changes of tables on mariadb',
  () => {
    it.each([true, false])('loses no record when the next one wants daily tables: %s', async (isDaily) => {
      history = await createHistory('mariadb');
      const expected = await createWith(false, 300);
      // Dividing begins with this, and joining ends before the opposite.
      const names = ['conversation_histories', 'error_conversation_histories'];
      await history.rows(`rename table ${names.map((name) => `${name} to ${name}_flat`).join(', ')}`);
      const store = openHistoryStore(history.settings(isDaily));
      expect(await idsIn(store)).toEqual(expected);
      await store.migrated();
      expect(await idsIn(store)).toEqual(expected);
      expect((await store.listPartitions()).length > 0).toBe(isDaily);
      await store.close();
    });

    it('drops the flat tables that it made before it said so', async () => {
      history = await createHistory('mariadb');
      const expected = await createWith(true, 300);
      for (const name of ['conversation_histories', 'error_conversation_histories'])
        await history.rows(`create table ${name}_flat like ${name}_2025_01_15`);
      const store = openHistoryStore(history.settings(true));
      await store.migrated();
      expect(await idsIn(store)).toEqual(expected);
      await expect(inFlat()).rejects.toEqual(isMissing);
      await store.close();
    });
  },
);
