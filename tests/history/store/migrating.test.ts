import type * as timers from 'node:timers/promises';

import { openHistoryStore } from '../../../src/history/store/open';
import { record } from './support/records';
import { createHistory } from './support/servers';

const pauses: number[] = [];
jest.mock('node:timers/promises', () => {
  const real = jest.requireActual<typeof timers>('node:timers/promises');
  return {
    setTimeout: (ms: number, value: unknown, options?: object) => {
      if (ms >= 5_000 && (options as { ref?: boolean } | undefined)?.ref !== false) pauses.push(ms);
      return real.setTimeout(Math.min(ms, 1), value, options);
    },
  };
});

const minutes = 60_000;

it('history store retries a failed migration after growing pauses, and logs each failure', async () => {
  const history = await createHistory('sqlite');
  const flat = openHistoryStore(history.settings(false));
  await flat.save([record()]);
  await flat.close();
  // This table has the name of one that the store creates.
  await history.rows('create table conversation_histories_flat (id integer)');
  const warnings: string[] = [];
  const store = openHistoryStore(history.settings(true), (warning) => warnings.push(warning));
  await store.save([record({ recordId: 'turn-2' })]);
  while (pauses.length < 13) await new Promise(setImmediate);
  await history.rows('drop table conversation_histories_flat');
  await store.migrated();

  expect(warnings.length).toBe(pauses.length);
  expect(warnings[0]).toBe(
    'The tables of the history could not be divided by days: The database of the history answered with an error ' +
      '(other, SQLITE_ERROR). It is tried again in 5 s.',
  );
  expect(pauses.slice(0, 3)).toEqual([5_000, 10_000, 20_000]);
  expect(pauses.slice(10, 13)).toEqual([60 * minutes, 60 * minutes, 60 * minutes]);
  expect((await store.listPartitions()).map(({ day }) => day)).toEqual(['2025-01-15']);
  await store.close();
  await history.drop();
});
