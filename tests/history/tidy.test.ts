import { dayBefore, tidyHistory } from '../../src/history/tidy';
import { historyRecord } from './support/history-records';
import { createHistoryStoreInMemory } from './support/history-store-in-memory';

const daysAgo = (days: number) =>
  historyRecord({ recordId: `${days}`, createdAt: new Date(Date.now() - days * 86_400_000) });
const never = new AbortController().signal;

describe('tidyHistory', () => {
  it('removes records older than the retention period, and prepares the next seven days', async () => {
    const store = createHistoryStoreInMemory([daysAgo(0), daysAgo(30), daysAgo(31), daysAgo(90)]);
    expect(await tidyHistory({ store, retentionDays: 30, signal: never })).toBe(2);
    expect(store.records.map(({ recordId }) => recordId)).toEqual(['0', '30']);
    expect(store.prepared.map(({ days }) => days)).toEqual([7]);
  });

  it('removes nothing without a retention period or after an abort', async () => {
    const store = createHistoryStoreInMemory([daysAgo(9_000)]);
    expect(await tidyHistory({ store, retentionDays: 0, signal: never })).toBe(0);
    expect(await tidyHistory({ store, retentionDays: 1, signal: AbortSignal.abort() })).toBe(0);
    expect(store.records).toHaveLength(1);
  });

  it('prepares the next days also without a retention period or after an abort', async () => {
    const store = createHistoryStoreInMemory();
    const begun = Date.now();
    await tidyHistory({ store, retentionDays: 0, signal: never });
    await tidyHistory({ store, retentionDays: 1, signal: AbortSignal.abort() });
    expect(store.prepared.map(({ days }) => days)).toEqual([7, 7]);
    for (const { from } of store.prepared) expect(from.getTime()).toBeGreaterThanOrEqual(begun);
  });

  it('forwards an abort to the running prune', async () => {
    const ending = new AbortController();
    const store = {
      ...createHistoryStoreInMemory(),
      prune: async (_day: string, signal: AbortSignal) => {
        ending.abort();
        return signal.aborted ? 1 : 2;
      },
    };
    expect(await tidyHistory({ store, retentionDays: 1, signal: ending.signal })).toBe(1);
  });

  it('counts whole days of the store, so that it removes nothing too early', async () => {
    const store = createHistoryStoreInMemory();
    expect(await dayBefore(store, new Date('2026-03-01T00:00:00Z'), 1)).toBe('2026-02-28');
    expect(await dayBefore(store, new Date('2026-03-01T23:59:59Z'), 30)).toBe('2026-01-30');
  });
});
