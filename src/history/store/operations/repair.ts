import { chunks, tuples, type Binding, type Database, type Row, type Statements } from '../database';
import { listRecordTables, type Layout, type RecordTable } from '../layout/layout';
import { numberOf, textOf } from '../rows';
import { lockState } from '../schema';
import { titleOf } from './sums';

const conversationsPerBit = 50;

/** Tables that one statement reads. */
const tablesPerStatement = 20;

/** Selects the conversations that began before a time: of one user and of one conversation, if given. */
export interface Straddling {
  readonly before: number;
  /** Selects only conversations that ended at this time or later. */
  readonly since?: number;
  readonly userDocumentId: string | null;
  readonly conversationId: string | null;
}

interface Key {
  readonly userDocumentId: string;
  readonly conversationId: string;
  readonly firstAt: number;
  readonly lastAt: number;
}

/**
 * Makes the sums of conversations those of the records that are left. Each conversation is correct on its own, so this
 * can stop at any point and run again.
 */
export async function repairConversations(
  database: Database,
  layout: Layout,
  straddling: Straddling,
  signal?: AbortSignal,
): Promise<void> {
  let after: Key | null = null;
  while (signal?.aborted !== true) {
    const cursor: Key | null = after;
    const keys: readonly Key[] = await database.transaction(async (statements) => {
      await lockState(statements);
      const some = await selectKeys(statements, straddling, cursor);
      if (some.length > 0) await repair(statements, layout, some);
      return some;
    });
    after = keys.at(-1) ?? null;
    if (keys.length < conversationsPerBit || after === null) return;
    await database.rest();
  }
}

/**
 * Selects the next conversations after the cursor. A conversation with a late record still begins before the time.
 * Without the cursor, the loop would never end.
 */
async function selectKeys(
  statements: Statements,
  { before, since, userDocumentId, conversationId }: Straddling,
  after: Key | null,
): Promise<readonly Key[]> {
  const conditions: string[] = ['first_at < ?'];
  const bindings: Binding[] = [before];
  const narrow = (condition: string, ...values: Binding[]) => {
    conditions.push(condition);
    bindings.push(...values);
  };
  if (since !== undefined) narrow('last_at >= ?', since);
  if (userDocumentId !== null) narrow('user_document_id = ?', userDocumentId);
  if (conversationId !== null) narrow('conversation_id = ?', conversationId);
  if (after !== null)
    narrow(
      'first_at >= ? and (first_at > ? or user_document_id > ? or (user_document_id = ? and conversation_id > ?))',
      after.firstAt,
      after.firstAt,
      after.userDocumentId,
      after.userDocumentId,
      after.conversationId,
    );
  const rows = await statements.all(
    `select user_document_id, conversation_id, first_at, last_at from history_conversations where ${conditions.join(' and ')}
     order by first_at, user_document_id, conversation_id limit ${conversationsPerBit}`,
    bindings,
  );
  return rows.map(toKey);
}

function toKey(row: Row): Key {
  return {
    userDocumentId: textOf(row['user_document_id']),
    conversationId: textOf(row['conversation_id']),
    firstAt: numberOf(row['first_at']),
    lastAt: numberOf(row['last_at']),
  };
}

/** The first or last time of a conversation, and the tables that have a record of this time. */
interface End {
  readonly timeMs: number;
  readonly tables: readonly RecordTable[];
}

/** What the tables have of a conversation. */
interface Found {
  readonly first: End;
  readonly last: End;
  readonly records: number;
  readonly errors: number;
  readonly totalTokens: number;
}

async function repair(statements: Statements, layout: Layout, keys: readonly Key[]): Promise<void> {
  const [firstAt, lastAt] = [
    Math.min(...keys.map((key) => key.firstAt)),
    Math.max(...keys.map((key) => key.lastAt)),
  ];
  const days = { first: layout.days.of(firstAt), last: layout.days.of(lastAt) };
  const found = new Map<string, Found>();
  for (const tables of chunks(await listRecordTables(layout, statements, days), tablesPerStatement))
    for (const [name, one] of await findIn(statements, tables, keys, [firstAt, lastAt]))
      found.set(name, joined(found.get(name), one));
  for (const key of keys) {
    const one = found.get(nameOf(key));
    if (one === undefined) await forget(statements, key);
    else await update(statements, key, one);
  }
}

const nameOf = ({ userDocumentId, conversationId }: Pick<Key, 'userDocumentId' | 'conversationId'>) =>
  `${userDocumentId} ${conversationId}`;

function joined(one: Found | undefined, other: Found): Found {
  if (one === undefined) return other;
  return {
    first: joinedEnd(one.first, other.first, (time, otherTime) => time < otherTime),
    last: joinedEnd(one.last, other.last, (time, otherTime) => time > otherTime),
    records: one.records + other.records,
    errors: one.errors + other.errors,
    totalTokens: one.totalTokens + other.totalTokens,
  };
}

function joinedEnd(one: End, other: End, isFurther: (time: number, otherTime: number) => boolean): End {
  if (one.timeMs === other.timeMs) return { ...one, tables: [...one.tables, ...other.tables] };
  return isFurther(one.timeMs, other.timeMs) ? one : other;
}

async function findIn(
  statements: Statements,
  tables: readonly RecordTable[],
  keys: readonly Key[],
  range: readonly [firstAt: number, lastAt: number],
): Promise<ReadonlyMap<string, Found>> {
  const rows = await statements.all(
    tables
      .map(
        (
          { name },
          index,
        ) => `select ${index} as source, user_document_id, conversation_id, count(*) as records,
           sum(total_tokens) as tokens, min(created_at) as first_at, max(created_at) as last_at
         from ${name} where (user_document_id, conversation_id) in (${tuples(statements.kind, keys.length, 2)})
           and created_at between ? and ? group by user_document_id, conversation_id`,
      )
      .join(' union all '),
    tables.flatMap(() => [
      ...keys.flatMap(({ userDocumentId, conversationId }) => [userDocumentId, conversationId]),
      ...range,
    ]),
  );
  const found = new Map<string, Found>();
  for (const row of rows) {
    const table = tables[numberOf(row['source'])];
    if (table === undefined) continue;
    const [key, records] = [toKey(row), numberOf(row['records'])];
    const own = {
      first: { timeMs: key.firstAt, tables: [table] },
      last: { timeMs: key.lastAt, tables: [table] },
      records,
      errors: table.isError ? records : 0,
      totalTokens: numberOf(row['tokens']),
    };
    found.set(nameOf(key), joined(found.get(nameOf(key)), own));
  }
  return found;
}

async function forget(statements: Statements, { userDocumentId, conversationId }: Key): Promise<void> {
  await statements.run(
    'delete from history_conversations where user_document_id = ? and conversation_id = ?',
    [userDocumentId, conversationId],
  );
}

async function update(statements: Statements, key: Key, found: Found): Promise<void> {
  const first = await selectAt(statements, key, found.first, 'asc');
  const last = await selectAt(statements, key, found.last, 'desc');
  const messages = first['messages'];
  const parsed: unknown = typeof messages === 'string' ? JSON.parse(messages) : messages;
  await statements.run(
    `update history_conversations set records = ?, errors = ?, total_tokens = ?, first_at = ?, first_id = ?, title = ?,
       last_at = ?, last_id = ?, model = ?, character_id = ?
     where user_document_id = ? and conversation_id = ?`,
    [
      found.records,
      found.errors,
      found.totalTokens,
      found.first.timeMs,
      textOf(first['record_id']),
      titleOf(Array.isArray(parsed) ? parsed : []),
      found.last.timeMs,
      textOf(last['record_id']),
      textOf(last['model']),
      textOf(last['character_id']),
      key.userDocumentId,
      key.conversationId,
    ],
  );
}

/** Selects the record with the lowest or highest id among those of this time. */
async function selectAt(
  statements: Statements,
  { userDocumentId, conversationId }: Key,
  { timeMs, tables }: End,
  order: 'asc' | 'desc',
): Promise<Row> {
  const ends = tables.map(
    ({
      name,
    }) => `select * from (select record_id, model, coalesce(character_id, '') as character_id, messages
       from ${name} where user_document_id = ? and conversation_id = ? and created_at = ?
       order by record_id ${order} limit 1) ${name}_end`,
  );
  const [row] = await statements.all(
    `${ends.join(' union all ')} order by record_id ${order} limit 1`,
    ends.flatMap(() => [userDocumentId, conversationId, timeMs]),
  );
  if (row === undefined)
    throw new Error('A conversation has no record at the time at which it begins or ends.');
  return row;
}
