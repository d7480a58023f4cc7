import type { Day } from './calendar';
import type { Bucket } from '../model/store';
import { fromNanos } from '../records/price';
import { toCharacterReply, type CharacterReply, type Characters } from './reply';
import type { StatisticsRequest } from './request';

export interface SumsReply {
  readonly records: number;
  /** How many of the records are errors. */
  readonly errors: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  /** Exact decimal numbers, by currency. */
  readonly price: Readonly<Record<string, string>>;
}

export interface StatisticsReply {
  /** All conversations, not only those of the range. */
  readonly conversations: number;
  readonly time_zone: string;
  readonly from: string;
  readonly to: string;
  /** Sums of the range, like all fields below. */
  readonly totals: SumsReply;
  readonly models: readonly ({ readonly model: string } & SumsReply)[];
  readonly characters: readonly ({ readonly ai_character: CharacterReply | null } & SumsReply)[];
  /** Every day of the range, including days without records. */
  readonly days: readonly ({ readonly date: string } & SumsReply)[];
}

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
