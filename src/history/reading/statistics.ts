import { z } from 'zod';

import type { Reply } from '../../chat/contract/reply';
import type { Day } from '../calendar';
import type { Bucket } from '../model/store';
import { fromNanos } from '../records/price';
import { characterReply, toCharacterReply, type Characters } from './reply';
import type { StatisticsRequest } from './request';

const sumsReply = z.object({
  records: z.int().describe('Questions with their results.'),
  errors: z.int().describe('How many of the records are errors.'),
  prompt_tokens: z.int().describe('Tokens of the prompts.'),
  completion_tokens: z.int().describe('Tokens of the answers.'),
  total_tokens: z.int().describe('All tokens.'),
  price: z
    .record(z.string(), z.string())
    .describe('Exact decimal numbers, by currency. Add them up as decimals.'),
});
export type SumsReply = Reply<typeof sumsReply>;

const day = z.string().meta({ format: 'date', description: 'A day of the time zone.' });

export const statisticsReply = z
  .object({
    conversations: z.int().describe('All conversations, not only those of the range.'),
    time_zone: z.string().describe('The time zone of the days.'),
    from: day,
    to: day,
    totals: sumsReply.describe('Sums of the range, like all fields below.'),
    models: z
      .array(sumsReply.extend({ model: z.string().describe('What answered.') }))
      .describe('The sums of each model.'),
    characters: z
      .array(sumsReply.extend({ ai_character: characterReply.nullable().describe('Who answered.') }))
      .describe('The sums of each character.'),
    days: z
      .array(sumsReply.extend({ date: day }))
      .describe(
        'Every day of the range, including days without records. A record counts on the day of its question.',
      ),
  })
  .meta({ id: 'Statistics' });
export type StatisticsReply = Reply<typeof statisticsReply>;

/** The sums of some buckets. Each bucket adds to the total, and to one model, one character and one day. */
export interface Fold {
  readonly totals: Sums;
  readonly models: ReadonlyMap<string, Sums>;
  readonly characters: ReadonlyMap<string | null, Sums>;
  /** One for each given day. */
  readonly days: readonly Sums[];
}

export function foldBuckets(buckets: readonly Bucket[], days: readonly Day[]): Fold {
  const totals = createSums();
  const models = new Map<string, Sums>();
  const characters = new Map<string | null, Sums>();
  const dayly = days.map(createSums);
  for (const bucket of buckets) {
    const day = dayly[findDay(days, bucket.startMs)];
    if (day === undefined) continue;
    const all = [totals, sumsOf(models, bucket.model), sumsOf(characters, bucket.characterId), day];
    for (const sums of all) sums.add(bucket);
  }
  return { totals, models, characters, days: dayly };
}

export function toStatisticsReply(
  fold: Fold,
  { timeZone, days }: StatisticsRequest,
  { conversations, characters }: { readonly conversations: number; readonly characters: Characters },
): StatisticsReply {
  return {
    conversations,
    time_zone: timeZone,
    from: days.at(0)?.date ?? '',
    to: days.at(-1)?.date ?? '',
    totals: fold.totals.reply(),
    models: mostFirst(fold.models).map(([model, sums]) => ({ model, ...sums.reply() })),
    characters: mostFirst(fold.characters).map(([id, sums]) => ({
      ai_character: toCharacterReply(id, characters),
      ...sums.reply(),
    })),
    days: days.map(({ date }, index) => ({ date, ...(fold.days[index] ?? createSums()).reply() })),
  };
}

/**
 * Returns the index of the last day that begins at or before this time. A day without length begins together with the
 * next day; the search then returns the one that has a length.
 */
function findDay(days: readonly Day[], ms: number): number {
  if (ms >= (days.at(-1)?.endMs ?? -Infinity)) return -1;
  let [low, high] = [0, days.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((days[middle]?.startMs ?? Infinity) <= ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export interface Sums {
  readonly records: () => number;
  add(bucket: Bucket): void;
  reply(): SumsReply;
}

function createSums(): Sums {
  let [records, errors, prompt, completion, total] = [0, 0, 0, 0, 0];
  // For many users, a year can contain more billionths than a number holds exactly.
  const prices = new Map<string, bigint>();
  return {
    records: () => records,
    add(bucket) {
      records += bucket.records;
      errors += bucket.errors;
      prompt += bucket.promptTokens;
      completion += bucket.completionTokens;
      total += bucket.totalTokens;
      if (bucket.priceNanos === 0 && bucket.currency === '') return;
      prices.set(bucket.currency, (prices.get(bucket.currency) ?? 0n) + BigInt(bucket.priceNanos));
    },
    reply: () => ({
      records,
      errors,
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: total,
      price: Object.fromEntries(
        [...prices].sort().map(([currency, nanos]) => [currency, fromNanos(nanos)] as const),
      ),
    }),
  };
}

function sumsOf<K>(all: Map<K, Sums>, key: K): Sums {
  const sums = all.get(key) ?? createSums();
  all.set(key, sums);
  return sums;
}

function mostFirst<K>(all: ReadonlyMap<K, Sums>): [K, Sums][] {
  return [...all].sort(
    ([key, sums], [otherKey, other]) =>
      other.records() - sums.records() || String(key).localeCompare(String(otherKey), 'en'),
  );
}
