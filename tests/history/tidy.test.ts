import { dayBefore, tidyHistory } from '../../src/history/tidy';
import { historyRecord } from './support/history-records';
import { createHistoryStoreInMemory } from './support/history-store-in-memory';

const daysAgo = (days: number) =>
  historyRecord({ recordId: `${days}`, createdAt: new Date(Date.now() - days * 86_400_000) });
const never = new AbortController().signal;

describe('tidying the history', () => {
  it('removes what is older than the days that are kept, and prepares those to come', async () => {
    const store = createHistoryStoreInMemory([daysAgo(0), daysAgo(30), daysAgo(31), daysAgo(90)]);
    expect(await tidyHistory({ store, retentionDays: 30, signal: never })).toBe(2);
    expect(store.records.map(({ recordId }) => recordId)).toEqual(['0', '30']);
    expect(store.prepared.map(({ days }) => days)).toEqual([7]);
  });

  it('removes nothing where it is kept for ever, or when the process is to end', async () => {
    const store = createHistoryStoreInMemory([daysAgo(9_000)]);
    expect(await tidyHistory({ store, retentionDays: 0, signal: never })).toBe(0);
    expect(await tidyHistory({ store, retentionDays: 1, signal: AbortSignal.abort() })).toBe(0);
    expect(store.records).toHaveLength(1);
  });

  it('prepares the days to come also where it is kept for ever, or when the process is to end', async () => {
    const store = createHistoryStoreInMemory();
    const begun = Date.now();
    await tidyHistory({ store, retentionDays: 0, signal: never });
    await tidyHistory({ store, retentionDays: 1, signal: AbortSignal.abort() });
    expect(store.prepared.map(({ days }) => days)).toEqual([7, 7]);
    for (const { from } of store.prepared) expect(from.getTime()).toBeGreaterThanOrEqual(begun);
  });

  it('removes no more once the process is to end', async () => {
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

  it('counts in whole days of UTC, so that nothing goes too early', () => {
    expect(dayBefore(new Date('2026-03-01T00:00:00Z'), 1)).toBe('2026-02-28');
    expect(dayBefore(new Date('2026-03-01T23:59:59Z'), 30)).toBe('2026-01-30');
  });
});
