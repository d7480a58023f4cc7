import { binOf, firstTokenBins } from '../../model/first-token';
import { chunks, incoming, marks, onConflict, tuples, type Binding, type Statements } from '../database';
import type { Day, Days } from '../days';
import type { RecordTable } from '../layout/layout';
import { bucketSums, dailySumKeys } from '../schema';
import { isOwned, toSums, type Owned, type Summed } from './summed';

/**
 * The sums of one day, character and model, divided in three ways. Each record is in one row of `currency`. If its user
 * or its time to the first token is known, it is in one row of `user` and in one row of `first_token`, too. Those rows
 * have no price, because they can mix currencies.
 */
export const facets = ['currency', 'user', 'first_token'] as const;
type Facet = (typeof facets)[number];

/** Rows in one statement. */
const perStatement = 200;

/** A record, and one of the rows that include it. */
interface Share {
  readonly facet: Facet;
  readonly value: string;
  readonly record: Summed;
}

/** Adds records (1) or subtracts them (-1). A record without a user is in no row of users. */
export async function addToDays(
  statements: Statements,
  days: Days,
  records: readonly Summed[],
  sign: 1 | -1,
): Promise<void> {
  const shares = records.flatMap((record): Share[] => [
    { facet: 'currency', value: record.usage.currency, record },
    ...(isOwned(record) ? [ofUser(record)] : []),
    ...(record.firstTokenMs === null
      ? []
      : [{ facet: 'first_token' as const, value: String(binOf(record.firstTokenMs)), record }]),
  ]);
  await upsert(statements, toRows(days, shares, sign));
}

/** Adds records to the rows of their users. The other rows already include them. */
export async function addToUsersOfDays(
  statements: Statements,
  days: Days,
  records: readonly Owned<Summed>[],
): Promise<void> {
  await upsert(statements, toRows(days, records.map(ofUser), 1));
}

const ofUser = (record: Owned<Summed>): Share => ({ facet: 'user', value: record.userDocumentId, record });

interface DailyRow {
  readonly key: readonly string[];
  readonly sums: readonly number[];
}

function toRows(days: Days, shares: readonly Share[], sign: 1 | -1): DailyRow[] {
  const rows = new Map<string, DailyRow>();
  for (const { facet, value, record } of shares) {
    const key = [facet, days.of(record.timeMs), record.characterId ?? '', record.model, value];
    const name = JSON.stringify(key);
    const before = rows.get(name)?.sums;
    const [records, errors, prompt, completion, total, price] = toSums(record);
    const own = [records, errors, prompt, completion, total, facet === 'currency' ? price : 0];
    rows.set(name, { key, sums: own.map((sum, index) => (before?.[index] ?? 0) + sign * (sum ?? 0)) });
  }
  // All writers use the same order.
  return [...rows].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, row]) => row);
}

/** Adds these sums, and removes rows that are empty then. */
async function upsert(statements: Statements, rows: readonly DailyRow[]): Promise<void> {
  const columns = [...dailySumKeys, ...bucketSums];
  const assignments = bucketSums.map(
    (column) => `${column} = history_days.${column} + ${incoming(statements.kind, column)}`,
  );
  for (const some of chunks(rows, perStatement)) {
    await statements.run(
      `insert into history_days (${columns.join(', ')})
       values ${some.map(() => `(${marks(columns.length)})`).join(', ')}
       ${onConflict(statements.kind, dailySumKeys)} ${assignments.join(', ')}`,
      some.flatMap(({ key, sums }): Binding[] => [...key, ...sums]),
    );
  }
  const reduced = rows.filter(({ sums }) => (sums[0] ?? 0) < 0);
  for (const some of chunks(reduced, perStatement)) {
    await statements.run(
      `delete from history_days where records <= 0
       and (${dailySumKeys.join(', ')}) in (${tuples(statements.kind, some.length, dailySumKeys.length)})`,
      some.flatMap(({ key }) => key),
    );
  }
}

/** Makes the sums of a day those of the records in these tables. */
export async function recountDay(
  statements: Statements,
  days: Days,
  tables: readonly RecordTable[],
  day: Day,
): Promise<void> {
  await removeDay(statements, day);
  const range = [days.startOf(day), days.endOf(day)];
  const values = {
    currency: { value: 'currency', where: '' },
    user: { value: 'user_document_id', where: `and user_document_id <> ''` },
    first_token: { value: binSql, where: 'and first_token_ms is not null' },
  } satisfies Record<Facet, unknown>;
  for (const { name, isError } of tables) {
    for (const facet of facets) {
      const { value, where } = values[facet];
      const price = facet === 'currency' ? 'price_nanos' : '0';
      const rows = await statements.all(
        `select coalesce(character_id, '') as character_id, model, ${value} as value, count(*) as records,
           ${isError ? 'count(*)' : '0'} as errors, sum(prompt_tokens) as prompt_tokens,
           sum(completion_tokens) as completion_tokens, sum(total_tokens) as total_tokens,
           sum(${price}) as price_nanos
         from ${name} where created_at >= ? and created_at < ? ${where}
         group by coalesce(character_id, ''), model, ${value}`,
        range,
      );
      await upsert(
        statements,
        rows.map((row) => ({
          key: [facet, day, ...['character_id', 'model', 'value'].map((column) => String(row[column]))],
          sums: bucketSums.map((column) => Number(row[column])),
        })),
      );
    }
  }
}

export async function removeDay(statements: Statements, day: Day): Promise<void> {
  await statements.run(`delete from history_days where facet in (${marks(facets.length)}) and day = ?`, [
    ...facets,
    day,
  ]);
}

/** The bin of a record, as `binOf` computes it. */
const binSql = `case ${firstTokenBins
  .slice(1)
  .map((bin, index) => `when first_token_ms < ${bin} then '${firstTokenBins[index]}'`)
  .join(' ')} else '${firstTokenBins.at(-1)}' end`;
