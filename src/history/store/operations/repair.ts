import { tuples, type Binding, type Database, type Row, type Statements } from '../database';
import type { Layout, Segment } from '../layout/layout';
import { numberOf, textOf } from '../rows';
import { lockState } from '../schema';
import { titleOf } from './sums';

const conversationsPerBit = 50;

/** Selects the conversations that began before a time: of one user and of one conversation, if given. */
export interface Straddling {
  readonly before: number;
  readonly userDocumentId: string | null;
  readonly conversationId: string | null;
}

interface Key {
  readonly userDocumentId: string;
  readonly conversationId: string;
  readonly firstAt: number;
}

/**
 * Corrects conversations that have lost their beginning: their start and their first question. If a dropped partition
 * took uncounted records, it also corrects the counts. Each conversation is correct on its own, and a corrected one is
 * not selected again. So this can stop at any point and run again.
 */
export async function repairBeginnings(
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
      if (some.length > 0) await repair(statements, await layout.segments(statements), some);
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
  { before, userDocumentId, conversationId }: Straddling,
  after: Key | null,
): Promise<readonly Key[]> {
  const conditions: string[] = ['first_at < ?'];
  const bindings: Binding[] = [before];
  const narrow = (condition: string, ...values: Binding[]) => {
    conditions.push(condition);
    bindings.push(...values);
  };
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
    `select user_document_id, conversation_id, first_at from history_conversations where ${conditions.join(' and ')}
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
  };
}

interface Found {
  readonly tables: readonly string[];
  readonly firstAt: number;
  readonly counts: readonly [records: number, errors: number, totalTokens: number];
}

async function repair(
  statements: Statements,
  segments: readonly Segment[],
  keys: readonly Key[],
): Promise<void> {
  const found = new Map<string, Found>();
  // The first day that has a conversation contains its beginning, unless a table of all days has an older record.
  const ofDays = new Set<string>();
  for (const segment of segments) {
    const open = keys.filter((key) => !ofDays.has(nameOf(key)));
    if (open.length === 0) break;
    for (const [name, one] of await findIn(statements, segment, open)) {
      found.set(name, older(found.get(name), one));
      if (segment.day !== null) ofDays.add(name);
    }
  }
  // One table for all days has all records, so its counts are those of the conversation.
  const isAll = segments.length === 1;
  for (const key of keys) {
    const one = found.get(nameOf(key));
    if (one === undefined) await forget(statements, key);
    else await update(statements, key, one, isAll);
  }
}

/** Returns the older one. If both begin at the same time, the first record can be in the tables of either. */
function older(one: Found | undefined, other: Found): Found {
  if (one === undefined || other.firstAt < one.firstAt) return other;
  return other.firstAt > one.firstAt ? one : { ...one, tables: [...one.tables, ...other.tables] };
}

const nameOf = ({ userDocumentId, conversationId }: Pick<Key, 'userDocumentId' | 'conversationId'>) =>
  `${userDocumentId} ${conversationId}`;

async function findIn(
  statements: Statements,
  segment: Segment,
  keys: readonly Key[],
): Promise<ReadonlyMap<string, Found>> {
  const found = new Map<string, Found>();
  for (const table of [segment.records, segment.errors]) {
    const rows = await statements.all(
      `select user_document_id, conversation_id, count(*) as records, sum(total_tokens) as tokens, min(created_at) as first_at
       from ${table} where (user_document_id, conversation_id) in (${tuples(statements.kind, keys.length, 2)})
       group by user_document_id, conversation_id`,
      keys.flatMap(({ userDocumentId, conversationId }) => [userDocumentId, conversationId]),
    );
    for (const row of rows) {
      const key = toKey(row);
      const before = found.get(nameOf(key));
      const [records, errors, tokens] = before?.counts ?? [0, 0, 0];
      const count = numberOf(row['records']);
      found.set(nameOf(key), {
        tables: [segment.records, segment.errors],
        firstAt: Math.min(before?.firstAt ?? Infinity, key.firstAt),
        counts: [
          records + count,
          errors + (table === segment.errors ? count : 0),
          tokens + numberOf(row['tokens']),
        ],
      });
    }
  }
  return found;
}

async function forget(statements: Statements, { userDocumentId, conversationId }: Key): Promise<void> {
  await statements.run(
    'delete from history_conversations where user_document_id = ? and conversation_id = ?',
    [userDocumentId, conversationId],
  );
}

async function update(
  statements: Statements,
  { userDocumentId, conversationId }: Key,
  { tables, firstAt, counts }: Found,
  isAll: boolean,
): Promise<void> {
  const [first] = await statements.all(
    `${tables
      .map(
        (table) => `select * from (select record_id, messages from ${table}
                    where user_document_id = ? and conversation_id = ? and created_at = ? order by record_id limit 1) ${table}`,
      )
      .join(' union all ')} order by record_id limit 1`,
    tables.flatMap(() => [userDocumentId, conversationId, firstAt]),
  );
  if (first === undefined) throw new Error('A conversation has no record at the time it begins.');
  const messages = first['messages'];
  const parsed: unknown = typeof messages === 'string' ? JSON.parse(messages) : messages;
  await statements.run(
    `update history_conversations set first_at = ?, first_id = ?, title = ?
       ${isAll ? ', records = ?, errors = ?, total_tokens = ?' : ''}
     where user_document_id = ? and conversation_id = ?`,
    [
      firstAt,
      textOf(first['record_id']),
      titleOf(Array.isArray(parsed) ? parsed : []),
      ...(isAll ? counts : []),
      userDocumentId,
      conversationId,
    ],
  );
}
