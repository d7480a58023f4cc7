import { toStorableText } from '../../../chat/shared/storable-text';
import { chunks, incoming, marks, onConflict, tuples, type Binding, type Statements } from '../database';
import { quarterHourMs, type Days } from '../days';
import type { RecordTable } from '../layout/layout';
import { bucketSums } from '../schema';
import { addToDays, addToUsersOfDays } from './daily-sums';
import { isOwned, toSums, type Owned, type Summed, type Titled } from './summed';

/** Stands for the user in the sums of all users. */
export const everybody = '';
const maxTitleCharacters = 120;

/** Rows in one statement. */
const perStatement = 200;

export async function add(statements: Statements, days: Days, records: readonly Titled[]): Promise<void> {
  await addToOwners(statements, records.filter(isOwned));
  await upsertBuckets(statements, records.map(ofEverybody), 1);
  await addToDays(statements, days, records, 1);
}

/** Adds records to the sums of their users. The sums of all users already include them. */
export async function addToUsers(
  statements: Statements,
  days: Days,
  records: readonly Owned<Titled>[],
): Promise<void> {
  await addToOwners(statements, records);
  await addToUsersOfDays(statements, days, records);
}

async function addToOwners(statements: Statements, records: readonly Owned<Titled>[]): Promise<void> {
  await upsertConversations(statements, [...groupBy(records, conversationOf).values()].map(toAddition));
  await upsertBuckets(statements, records.map(ofUser), 1);
}

/**
 * Subtracts removed records. The oldest records are removed first, so a conversation keeps its end or disappears
 * completely. `repair.ts` corrects its beginning after all records are removed.
 */
export async function subtract(
  statements: Statements,
  days: Days,
  records: readonly Summed[],
): Promise<void> {
  const owned = records.filter(isOwned);
  const groups = [...groupBy(owned, conversationOf).values()];
  await upsertConversations(statements, groups.map(toSubtraction));
  for (const some of chunks(groups, perStatement)) {
    const keys = some.flatMap(([first]) =>
      first === undefined ? [] : [first.userDocumentId, first.conversationId],
    );
    await statements.run(
      `delete from history_conversations where records <= 0
       and (user_document_id, conversation_id) in (${tuples(statements.kind, some.length, 2)})`,
      keys,
    );
  }
  await upsertBuckets(statements, [...records.map(ofEverybody), ...owned.map(ofUser)], -1);
  await removeEmptyBuckets(statements, records);
  await addToDays(statements, days, records, -1);
}

async function removeEmptyBuckets(statements: Statements, records: readonly Summed[]): Promise<void> {
  const keys = new Map<string, [string, number]>();
  for (const { userDocumentId, timeMs } of records) {
    for (const user of new Set([userDocumentId ?? everybody, everybody]))
      keys.set(`${user} ${startOf(timeMs)}`, [user, startOf(timeMs)]);
  }
  for (const some of chunks([...keys.values()], perStatement)) {
    await statements.run(
      `delete from history_buckets where records <= 0
       and (user_document_id, start_ms) in (${tuples(statements.kind, some.length, 2)})`,
      some.flat(),
    );
  }
}

function startOf(timeMs: number): number {
  return Math.floor(timeMs / quarterHourMs) * quarterHourMs;
}

const conversationOf = ({ userDocumentId, conversationId }: Owned<Summed>) =>
  `${userDocumentId} ${conversationId}`;

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

const conversationColumns = [
  'user_document_id',
  'conversation_id',
  'records',
  'errors',
  'total_tokens',
  'first_at',
  'first_id',
  'title',
  'last_at',
  'last_id',
  'model',
  'character_id',
] as const;

/** Compares by time, then by id. Databases sort ids by UTF-8 bytes, which is the order of code points. */
function isBefore(one: Summed, other: Summed): boolean {
  if (one.timeMs !== other.timeMs) return one.timeMs < other.timeMs;
  return Buffer.compare(Buffer.from(one.recordId), Buffer.from(other.recordId)) < 0;
}

function countsOf(group: readonly Summed[], sign: 1 | -1): number[] {
  const tokens = group.reduce((sum, { usage }) => sum + usage.totalTokens, 0);
  return [group.length, group.filter(({ isError }) => isError).length, tokens].map((count) => sign * count);
}

export function firstOf<T extends Summed>(group: readonly T[]): T {
  return group.reduce((best, one) => (isBefore(one, best) ? one : best));
}

function toAddition(group: readonly Owned<Titled>[]): Binding[] {
  const first = firstOf(group);
  const last = group.reduce((best, one) => (isBefore(best, one) ? one : best));
  return [
    first.userDocumentId,
    first.conversationId,
    ...countsOf(group, 1),
    first.timeMs,
    first.recordId,
    titleOf(first.messages),
    last.timeMs,
    last.recordId,
    last.model,
    last.characterId ?? '',
  ];
}

/** Creates a row that is neither first nor last, so that the upsert changes neither. */
function toSubtraction(group: readonly Owned<Summed>[]): Binding[] {
  const [first] = group;
  if (first === undefined) throw new RangeError('A group has at least one record.');
  return [
    first.userDocumentId,
    first.conversationId,
    ...countsOf(group, -1),
    Number.MAX_SAFE_INTEGER,
    '',
    '',
    Number.MIN_SAFE_INTEGER,
    '',
    '',
    '',
  ];
}

async function upsertConversations(statements: Statements, rows: readonly Binding[][]): Promise<void> {
  const table = 'history_conversations';
  const given = (column: string) => incoming(statements.kind, column);
  const isEarlier = `(${given('first_at')} < ${table}.first_at or (${given('first_at')} = ${table}.first_at and ${given('first_id')} < ${table}.first_id))`;
  const isLater = `(${given('last_at')} > ${table}.last_at or (${given('last_at')} = ${table}.last_at and ${given('last_id')} > ${table}.last_id))`;
  const when = (condition: string, column: string) =>
    `${column} = case when ${condition} then ${given(column)} else ${table}.${column} end`;
  // MySQL assigns one column after another, and compares with the values it has assigned. So the times come last.
  const assignments = [
    ...['records', 'errors', 'total_tokens'].map(
      (column) => `${column} = ${table}.${column} + ${given(column)}`,
    ),
    ...['title', 'first_id', 'first_at'].map((column) => when(isEarlier, column)),
    ...['model', 'character_id', 'last_id', 'last_at'].map((column) => when(isLater, column)),
  ];
  for (const some of chunks(rows, perStatement)) {
    await statements.run(
      `insert into ${table} (${conversationColumns.join(', ')})
       values ${some.map((row) => `(${marks(row.length)})`).join(', ')}
       ${onConflict(statements.kind, ['user_document_id', 'conversation_id'])} ${assignments.join(', ')}`,
      some.flat(),
    );
  }
}

/** A record, and the user whose sums include it. */
interface Share {
  readonly of: string;
  readonly record: Summed;
}

const ofEverybody = (record: Summed): Share => ({ of: everybody, record });
const ofUser = (record: Owned<Summed>): Share => ({ of: record.userDocumentId, record });

async function upsertBuckets(statements: Statements, shares: readonly Share[], sign: 1 | -1): Promise<void> {
  const sums = new Map<string, { readonly key: readonly Binding[]; readonly sums: number[] }>();
  for (const share of shares) addTo(sums, share, sign);
  const keys = ['user_document_id', 'start_ms', 'model', 'character_id', 'currency'];
  const assignments = bucketSums.map(
    (column) => `${column} = history_buckets.${column} + ${incoming(statements.kind, column)}`,
  );
  // All writers use the same order.
  const rows = [...sums.entries()].sort(([one], [other]) => (one < other ? -1 : 1));
  for (const some of chunks(rows, perStatement)) {
    await statements.run(
      `insert into history_buckets (${[...keys, ...bucketSums].join(', ')})
       values ${some.map(() => `(${marks(keys.length + bucketSums.length)})`).join(', ')}
       ${onConflict(statements.kind, keys)} ${assignments.join(', ')}`,
      some.flatMap(([, { key, sums }]) => [...key, ...sums]),
    );
  }
}

/** Makes the buckets of a range of time those of the records in these tables. */
export async function recountBuckets(
  statements: Statements,
  tables: readonly RecordTable[],
  range: readonly [start: number, end: number],
): Promise<void> {
  await statements.run('delete from history_buckets where start_ms >= ? and start_ms < ?', range);
  if (tables.length === 0) return;
  const shares = tables.flatMap(({ name, isError }) =>
    [`'${everybody}'`, 'user_document_id'].map(
      (user) => `select ${user} as share_of, created_at - created_at % ${quarterHourMs} as start_ms, model,
           coalesce(character_id, '') as character_id, currency, 1 as records, ${isError ? 1 : 0} as errors,
           prompt_tokens, completion_tokens, total_tokens, price_nanos
         from ${name} where created_at >= ? and created_at < ?
           ${user === 'user_document_id' ? "and user_document_id <> ''" : ''}`,
    ),
  );
  const keys = ['start_ms', 'model', 'character_id', 'currency'].join(', ');
  await statements.run(
    `insert into history_buckets (user_document_id, ${keys}, ${bucketSums.join(', ')})
     select share_of, ${keys}, ${bucketSums.map((sum) => `sum(${sum})`).join(', ')}
     from (${shares.join(' union all ')}) shares group by share_of, ${keys}`,
    shares.flatMap(() => [...range]),
  );
}

function addTo(
  all: Map<string, { readonly key: readonly Binding[]; readonly sums: number[] }>,
  { of, record }: Share,
  sign: 1 | -1,
): void {
  const { timeMs, model, characterId, usage } = record;
  const key = [of, startOf(timeMs), model, characterId ?? '', usage.currency];
  const name = JSON.stringify(key);
  const sums = toSums(record);
  const before = all.get(name)?.sums;
  all.set(name, { key, sums: sums.map((sum, index) => (before?.[index] ?? 0) + sign * sum) });
}

/** Returns the beginning of the first question. Its content is a text, or a list of parts, some of them texts. */
export function titleOf(messages: readonly unknown[]): string {
  const question = messages.find((message) => (message as { role?: unknown } | null)?.role === 'user');
  const { content } = (question ?? {}) as { content?: unknown };
  const parts: readonly unknown[] = Array.isArray(content) ? content : [{ text: content }];
  const text = parts
    .map((part) => (part as { text?: unknown } | null)?.text)
    .filter((part) => typeof part === 'string')
    .join(' ');
  // Cut first: a question can be long, and a title never needs more of it than this.
  const line = toStorableText(text.slice(0, 2_000)).replaceAll(/\s+/gu, ' ').trim();
  return [...line].slice(0, maxTitleCharacters).join('');
}
