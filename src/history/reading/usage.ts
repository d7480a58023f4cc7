import type { Character } from '../../chat/model/character';
import type { CharacterSource } from '../../chat/ports/character-source';
import { quantileOf } from '../model/first-token';
import type { HistoryStore } from '../model/store';
import type { RatingCount, RatingSource, Usage, UsageGroup, UsageQuery } from '../model/usage';
import { fromNanos } from '../records/price';
import { createAsk } from './ask';
import { parseUsageQuery } from './usage-request';

/** The sums that editors see. A message is a question with its answer. */
export interface UsageSums {
  readonly messages: number;
  /** Different users. So the users of several rows are not the sum of their users. */
  readonly users: number;
  /** How many of the messages have no whole answer. */
  readonly errors: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  /** Exact decimal numbers, by currency. */
  readonly price: Readonly<Record<string, string>>;
  readonly likes: number;
  readonly dislikes: number;
  /** Milliseconds, correct to 5 %. Null if no time is known. */
  readonly first_token_median_ms: number | null;
  readonly first_token_p95_ms: number | null;
}

export interface UsageRow extends UsageSums {
  /** The day, the documentId of the character or the model. Empty for messages without a character. */
  readonly id: string;
  /** The name of the character. Null if it is not published, and for days and models. */
  readonly name: string | null;
}

export interface UsageReply {
  readonly from: string;
  readonly to: string;
  readonly by: UsageQuery['by'];
  readonly totals: UsageSums;
  /** Every day of the range; or characters or models, those with most messages first. */
  readonly rows: readonly UsageRow[];
}

export interface UsageReaderOptions {
  /** Null if no history is configured. */
  readonly store: Pick<HistoryStore, 'dayOf' | 'readUsage'> | null;
  readonly ratings: RatingSource;
  readonly characters: Pick<CharacterSource, 'findForDisplay'>;
}

/**
 * Reads what the characters were used for. It needs at most three statements: one in the history, and two in the main
 * database. Throws ChatError `invalid-request` or `history-unavailable`.
 */
export type ReadUsage = (query: unknown) => Promise<UsageReply>;

export function createReadUsage({ store, ratings, characters }: UsageReaderOptions): ReadUsage {
  const ask = createAsk(store);
  return async (given) => {
    const query = parseUsageQuery(given, await ask((from) => from.dayOf(new Date())));
    const usage = await ask((from) => from.readUsage(query));
    const counts = await ratings.countRatings({
      ...query,
      startMs: usage.days.at(0)?.startMs ?? 0,
      endMs: usage.days.at(-1)?.endMs ?? 0,
    });
    const tallies = toTallies(usage, query, counts);
    const ids = query.by === 'character' ? [...tallies.keys()].filter((id) => id !== '') : [];
    const known = ids.length === 0 ? new Map<string, Character>() : await characters.findForDisplay(ids);
    const rows = [...tallies].map(([id, tally]) => ({
      id,
      name: known.get(id)?.name ?? null,
      ...toSums(tally),
    }));
    return {
      from: query.from,
      to: query.to,
      by: query.by,
      totals: { ...toSums(sumOf([...tallies.values()])), users: usage.users },
      rows: query.by === 'day' ? rows : rows.sort(mostFirst),
    };
  };
}

/** What belongs to one row, in a form that adds up. */
interface Tally {
  readonly groups: readonly UsageGroup[];
  readonly ratings: readonly RatingCount[];
}

/** Returns a tally for every day of the range, or for every character or model that has messages or ratings. */
function toTallies(
  { groups, days }: Usage,
  { by }: UsageQuery,
  counts: readonly RatingCount[],
): ReadonlyMap<string, Tally> {
  const dateAt = (ms: number) => days.find(({ startMs, endMs }) => startMs <= ms && ms < endMs)?.date ?? '';
  const tallies = new Map<string, { groups: UsageGroup[]; ratings: RatingCount[] }>();
  const tallyOf = (id: string) => {
    const tally = tallies.get(id) ?? { groups: [], ratings: [] };
    tallies.set(id, tally);
    return tally;
  };
  if (by === 'day') for (const { date } of days) tallyOf(date);
  for (const group of groups) tallyOf(group.name).groups.push(group);
  for (const count of counts)
    tallyOf(by === 'day' ? dateAt(count.at.getTime()) : count.name).ratings.push(count);
  return tallies;
}

function sumOf(tallies: readonly Tally[]): Tally {
  return {
    groups: tallies.flatMap(({ groups }) => groups),
    ratings: tallies.flatMap(({ ratings }) => ratings),
  };
}

function toSums({ groups, ratings }: Tally): UsageSums {
  const sum = <T>(all: readonly T[], pick: (one: T) => number) =>
    all.reduce((total, one) => total + pick(one), 0);
  const times = timesOf(groups);
  return {
    messages: sum(groups, ({ records }) => records),
    users: sum(groups, ({ users }) => users),
    errors: sum(groups, ({ errors }) => errors),
    prompt_tokens: sum(groups, ({ promptTokens }) => promptTokens),
    completion_tokens: sum(groups, ({ completionTokens }) => completionTokens),
    total_tokens: sum(groups, ({ totalTokens }) => totalTokens),
    price: priceOf(groups),
    likes: sum(ratings, ({ likes }) => likes),
    dislikes: sum(ratings, ({ dislikes }) => dislikes),
    first_token_median_ms: quantileOf(times, 0.5),
    first_token_p95_ms: quantileOf(times, 0.95),
  };
}

function timesOf(groups: readonly UsageGroup[]): ReadonlyMap<number, number> {
  const times = new Map<number, number>();
  for (const { firstTokens } of groups)
    for (const [bin, records] of firstTokens) times.set(bin, (times.get(bin) ?? 0) + records);
  return times;
}

/** Adds with BigInt: a year can contain more billionths than a number holds exactly. */
function priceOf(groups: readonly UsageGroup[]): Record<string, string> {
  const prices = new Map<string, bigint>();
  for (const { prices: own } of groups) {
    for (const [currency, nanos] of own) {
      if (currency === '' && nanos === 0) continue;
      prices.set(currency, (prices.get(currency) ?? 0n) + BigInt(nanos));
    }
  }
  return Object.fromEntries([...prices].sort().map(([currency, nanos]) => [currency, fromNanos(nanos)]));
}

function mostFirst(one: UsageRow, other: UsageRow): number {
  return other.messages - one.messages || one.id.localeCompare(other.id, 'en');
}
