import type { Bucket, ConversationSummary, HistoryPage, Position, Scope, StoredRecord } from '../chat';
import { marks, type Binding, type Row, type Statements } from './database';
import { errorsTable, numberOf, recordsTable, selection, textOf, toRecord } from './rows';

/** Which records: of which users, and from when to when they can be, so that partitions are left out. */
interface Conversation {
  readonly where: string;
  readonly bindings: readonly Binding[];
}

/** See `HistoryStore.listRecords`. */
export async function listRecords(
  statements: Statements,
  scope: Scope,
  conversationId: string,
  { limit, offset, after }: HistoryPage,
): Promise<readonly StoredRecord[]> {
  const conversation = await findConversation(statements, scope, conversationId);
  if (conversation === null) return [];
  if (after !== null || offset === 0) return selectRecords(statements, conversation, after, '<', limit);
  // The positions alone first: long texts that are skipped are not read.
  const first = await positionAt(statements, conversation, offset);
  return first === null ? [] : selectRecords(statements, conversation, first, '<=', limit);
}

/** From the sums. A conversation belongs to one user; were there several of one name, an administrator sees all. */
async function findConversation(
  statements: Statements,
  scope: Scope,
  conversationId: string,
): Promise<Conversation | null> {
  const own = scope === 'everybody' ? null : scope.userId;
  const rows = await statements.all(
    `select user_id, first_at, last_at from history_conversations
     where conversation_id = ? ${own === null ? '' : 'and user_id = ?'} limit 1000`,
    own === null ? [conversationId] : [conversationId, own],
  );
  if (rows.length === 0) return null;
  const users = rows.map((row) => numberOf(row['user_id']));
  const ofUsers = users.length === 1 ? 'user_id = ?' : `user_id in (${marks(users.length)})`;
  return {
    where: `${ofUsers} and conversation_id = ? and created_at >= ? and created_at <= ?`,
    bindings: [
      ...users,
      conversationId,
      Math.min(...rows.map((row) => numberOf(row['first_at']))),
      Math.max(...rows.map((row) => numberOf(row['last_at']))),
    ],
  };
}

async function positionAt(
  statements: Statements,
  { where, bindings }: Conversation,
  offset: number,
): Promise<Position | null> {
  const tables = [recordsTable, errorsTable].map(
    (table) => `select * from (select created_at, record_id from ${table} where ${where}
                order by created_at desc, record_id desc limit ?) ${table}_keys`,
  );
  const [row] = await statements.all(
    `select created_at, record_id from (${tables.join(' union all ')}) positions
     order by created_at desc, record_id desc limit 1 offset ?`,
    [...bindings, offset + 1, ...bindings, offset + 1, offset],
  );
  return row === undefined ? null : { timeMs: numberOf(row['created_at']), id: textOf(row['record_id']) };
}

async function selectRecords(
  statements: Statements,
  { where, bindings }: Conversation,
  from: Position | null,
  comparison: '<' | '<=',
  limit: number,
): Promise<readonly StoredRecord[]> {
  const beyond = from === null ? '' : `and created_at <= ? and (created_at < ? or record_id ${comparison} ?)`;
  const own = from === null ? [] : [from.timeMs, from.timeMs, from.id];
  return selectFromBoth(statements, {
    where: `${where} ${beyond}`,
    bindings: [...bindings, ...own],
    direction: 'desc',
    limit,
  });
}

/** See `HistoryMaintenance.readBefore`. */
export async function readBefore(
  statements: Statements,
  before: number,
  after: Position | null,
  limit: number,
): Promise<readonly StoredRecord[]> {
  return selectFromBoth(statements, {
    where: `created_at < ? ${after === null ? '' : 'and created_at >= ? and (created_at > ? or record_id > ?)'}`,
    bindings: [before, ...(after === null ? [] : [after.timeMs, after.timeMs, after.id])],
    direction: 'asc',
    limit,
  });
}

interface Selection {
  readonly where: string;
  readonly bindings: readonly Binding[];
  readonly direction: 'asc' | 'desc';
  readonly limit: number;
}

/** Each table by its index to as many as are wanted, then the first of both. */
async function selectFromBoth(
  statements: Statements,
  { where, bindings, direction, limit }: Selection,
): Promise<readonly StoredRecord[]> {
  const order = `order by created_at ${direction}, record_id ${direction} limit ?`;
  const both = (['records', 'errors'] as const).map(
    (table) => `select * from (select ${selection(statements.kind, table)}
                from ${table === 'records' ? recordsTable : errorsTable} where ${where} ${order}) ${table}_page`,
  );
  const rows = await statements.all(`select * from (${both.join(' union all ')}) page ${order}`, [
    ...bindings,
    limit,
    ...bindings,
    limit,
    limit,
  ]);
  return rows.map(toRecord);
}

/** See `HistoryStore.listConversations`. */
export async function listConversations(
  statements: Statements,
  scope: Scope,
  { limit, offset, after }: HistoryPage,
): Promise<readonly ConversationSummary[]> {
  const conditions: string[] = [];
  const bindings: Binding[] = [];
  if (scope !== 'everybody') {
    conditions.push('user_id = ?');
    bindings.push(scope.userId);
  }
  if (after !== null) {
    conditions.push('last_at <= ? and (last_at < ? or conversation_id < ?)');
    bindings.push(after.timeMs, after.timeMs, after.id);
  }
  const rows = await statements.all(
    `select user_id, conversation_id, character_id, title, model, records, errors, total_tokens, first_at, last_at
     from history_conversations ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}
     order by last_at desc, conversation_id desc limit ? offset ?`,
    [...bindings, limit, after === null ? offset : 0],
  );
  return rows.map(toSummary);
}

function toSummary(row: Row): ConversationSummary {
  return {
    conversationId: textOf(row['conversation_id']),
    userId: numberOf(row['user_id']),
    characterId: textOf(row['character_id']) || null,
    title: textOf(row['title']),
    model: textOf(row['model']),
    records: numberOf(row['records']),
    errors: numberOf(row['errors']),
    totalTokens: numberOf(row['total_tokens']),
    firstAt: new Date(numberOf(row['first_at'])),
    lastAt: new Date(numberOf(row['last_at'])),
  };
}

/** See `HistoryStore.countConversations`. */
export async function countConversations(statements: Statements, scope: Scope): Promise<number> {
  const [row] =
    scope === 'everybody'
      ? await statements.all('select count(*) as count from history_conversations')
      : await statements.all('select count(*) as count from history_conversations where user_id = ?', [
          scope.userId,
        ]);
  return numberOf(row?.['count']);
}

/** Everybody's buckets are those of user 0, who is nobody. */
export const bucketsSql = `select start_ms, model, character_id, currency, records, errors, prompt_tokens,
    completion_tokens, total_tokens, price_nanos
  from history_buckets where user_id = ? and start_ms >= ? and start_ms < ?
  order by start_ms, model, character_id, currency`;

/** See `HistoryStore.listBuckets`. */
export async function listBuckets(
  statements: Statements,
  scope: Scope,
  from: Date,
  to: Date,
): Promise<readonly Bucket[]> {
  const userId = scope === 'everybody' ? 0 : scope.userId;
  const rows = await statements.all(bucketsSql, [userId, from.getTime(), to.getTime()]);
  return rows.map((row) => ({
    startMs: numberOf(row['start_ms']),
    model: textOf(row['model']),
    characterId: textOf(row['character_id']) || null,
    currency: textOf(row['currency']),
    records: numberOf(row['records']),
    errors: numberOf(row['errors']),
    promptTokens: numberOf(row['prompt_tokens']),
    completionTokens: numberOf(row['completion_tokens']),
    totalTokens: numberOf(row['total_tokens']),
    priceNanos: numberOf(row['price_nanos']),
  }));
}
