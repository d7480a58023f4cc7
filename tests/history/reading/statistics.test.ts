import fc from 'fast-check';

import { createCalendar } from '../../../src/history/calendar';
import type { HistoryRecord } from '../../../src/history/model/record';
import { parseStatisticsRequest } from '../../../src/history/reading/request';
import {
  foldBuckets,
  toStatisticsReply,
  type StatisticsReply,
} from '../../../src/history/reading/statistics';
import { keeper } from '../../chat/support/fixtures';
import { historyRecord } from '../support/history-records';
import { createHistoryStoreInMemory } from '../support/history-store-in-memory';

async function statisticsOf(records: readonly HistoryRecord[], query: object): Promise<StatisticsReply> {
  const request = parseStatisticsRequest(query, Date.parse('2026-11-21T12:00:00Z'));
  const [from, to] = [request.days.at(0)?.startMs ?? 0, request.days.at(-1)?.endMs ?? 0];
  const store = createHistoryStoreInMemory(records);
  const buckets = await store.listBuckets('everybody', new Date(from), new Date(to));
  return toStatisticsReply(foldBuckets(buckets, request.days), request, {
    conversations: 1,
    characters: new Map([[keeper.documentId, keeper]]),
  });
}

const at = (time: string, changes: Partial<HistoryRecord> = {}) =>
  historyRecord({ recordId: `turn at ${time}`, createdAt: new Date(time), ...changes });

const usage = (priceNanos: number, currency: string) => ({
  promptTokens: 2,
  completionTokens: 3,
  totalTokens: 5,
  priceNanos,
  currency,
});

describe('history statistics', () => {
  it('return the sums of each day, also of days without records', async () => {
    const records = [at('2026-11-01T00:00:00Z'), at('2026-11-03T23:59:59.999Z'), at('2026-11-04T00:00:00Z')];
    const { days, totals, from, to } = await statisticsOf(records, { from: '2026-11-01', to: '2026-11-03' });
    expect(days.map(({ date, records: count }) => [date, count])).toEqual([
      ['2026-11-01', 1],
      ['2026-11-02', 0],
      ['2026-11-03', 1],
    ]);
    expect([from, to, totals.records]).toEqual(['2026-11-01', '2026-11-03', 2]);
  });

  it('count a record on its local day in the requested time zone', async () => {
    const records = [at('2026-11-01T15:59:59Z'), at('2026-11-01T16:00:00Z')];
    const query = { from: '2026-11-01', to: '2026-11-02', time_zone: 'Asia/Shanghai' };
    const { days } = await statisticsOf(records, query);
    expect(days.map(({ records: count }) => count)).toEqual([1, 1]);
  });

  it('count both repeated hours when daylight saving time ends', async () => {
    const records = ['T21:59:59Z', 'T22:00:00Z'].map((time) => at(`2026-10-24${time}`));
    records.push(at('2026-10-25T00:30:00Z'), at('2026-10-25T01:30:00Z'), at('2026-10-25T22:59:59Z'));
    records.push(at('2026-10-25T23:00:00Z'));
    const query = { from: '2026-10-24', to: '2026-10-26', time_zone: 'Europe/Berlin' };
    const { days } = await statisticsOf(records, query);
    expect(days.map(({ records: count }) => count)).toEqual([1, 4, 1]);
  });

  it('list models and characters, the most used first', async () => {
    const records = [
      at('2026-11-20T10:00:00Z', { model: 'small' }),
      at('2026-11-20T11:00:00Z', { characterId: 'gone' }),
      at('2026-11-20T12:00:00Z', { characterId: null }),
    ];
    const { models, characters } = await statisticsOf(records, {});
    expect(models.map(({ model, records: count }) => [model, count])).toEqual([
      ['gpt-4o', 2],
      ['small', 1],
    ]);
    expect(characters.map(({ ai_character }) => ai_character)).toEqual([
      { documentId: keeper.documentId, name: keeper.name },
      { documentId: 'gone', name: null },
      null,
    ]);
  });

  it('add up prices exactly, per currency', async () => {
    const records = [
      ...Array.from({ length: 10 }, (_, index) =>
        at(`2026-11-20T10:00:0${index}Z`, { usage: usage(100_000_000, 'USD') }),
      ),
      at('2026-11-20T11:00:00Z', { usage: usage(1, 'CNY') }),
      at('2026-11-20T12:00:00Z', { usage: usage(Number.MAX_SAFE_INTEGER, 'EUR') }),
      at('2026-11-20T13:00:00Z', { usage: usage(Number.MAX_SAFE_INTEGER, 'EUR') }),
      at('2026-11-20T14:00:00Z', { usage: usage(0, '') }),
    ];
    const { totals } = await statisticsOf(records, {});
    expect(totals).toEqual({
      records: 14,
      errors: 0,
      prompt_tokens: 28,
      completion_tokens: 42,
      total_tokens: 70,
      price: { CNY: '0.000000001', EUR: '18014398.509481982', USD: '1' },
    });
  });

  it('match a brute-force count of random records', async () => {
    const zones = ['UTC', 'Asia/Kathmandu', 'America/New_York', 'Pacific/Apia', 'Africa/Cairo'];
    const record = fc.record({
      minute: fc.integer({ min: -3 * 1_440, max: 370 * 1_440 }),
      tokens: fc.integer({ min: 0, max: 1_000_000 }),
      priceNanos: fc.integer({ min: 0, max: 1_000_000_000_000 }),
      model: fc.constantFrom('large', 'small'),
      currency: fc.constantFrom('USD', 'CNY'),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 40 }),
        fc.constantFrom(...zones),
        async (drawn, zone) => {
          const records = drawn.map(({ minute, tokens, priceNanos, model, currency }, index) =>
            historyRecord({
              recordId: String(index),
              createdAt: new Date(Date.parse('2026-01-01T00:00:00Z') + minute * 60_000),
              model,
              usage: { promptTokens: tokens, completionTokens: 0, totalTokens: tokens, priceNanos, currency },
            }),
          );
          const query = { from: '2026-01-01', to: '2026-12-31', time_zone: zone };
          const reply = await statisticsOf(records, query);
          const days = reply.days.flatMap(({ date, records: count, total_tokens: tokens }) =>
            count === 0 ? [] : [[date, count, tokens]],
          );
          expect(days).toEqual(bruteForce(records, zone));
          expect(sum(reply.days.map(({ total_tokens: tokens }) => tokens))).toBe(reply.totals.total_tokens);
          for (const part of [reply.days, reply.models, reply.characters]) {
            expect(sum(part.map(({ records: count }) => count))).toBe(reply.totals.records);
            expect(sum(part.map(({ price }) => Number(price['USD'] ?? 0)))).toBeCloseTo(
              Number(reply.totals.price['USD'] ?? 0),
              6,
            );
          }
        },
      ),
      { numRuns: 20 },
    );
  });
});

/** Returns date, records and tokens of each day of 2026 with records. Converts every time itself, without buckets. */
function bruteForce(records: readonly HistoryRecord[], zone: string): unknown[] {
  const calendar = createCalendar(zone);
  const days = new Map<string, [count: number, tokens: number]>();
  for (const { createdAt, usage: used } of records) {
    const date = calendar?.dateAt(createdAt.getTime()) ?? '';
    const [count, tokens] = days.get(date) ?? [0, 0];
    if (date.startsWith('2026')) days.set(date, [count + 1, tokens + used.totalTokens]);
  }
  return [...days].sort().map(([date, sums]) => [date, ...sums]);
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
