import type {
  Bucket,
  ConversationSummary,
  HistoryPage,
  Position,
  Scope,
  StoredRecord,
} from '../../model/store';
import { marks, type Binding, type Database, type Row, type Statements } from '../database';
import { readSources, type Layout, type Segment } from '../layout/layout';
import { numberOf, selection, textOf, toRecord } from '../rows';
import { everybody } from './sums';

/** From where to read records. */
export interface Readable {
  readonly database: Database;
  readonly layout: Layout;
}

/** The records of one conversation, with their users and their range of time, so that the query skips partitions. */
interface Conversation {
  readonly where: string;
  readonly bindings: readonly Binding[];
  readonly firstAt: number;
  readonly lastAt: number;
}

/** See `HistoryStore.listRecords`. */
export function listRecords(
  { database, layout }: Readable,
  scope: Scope,
  conversationId: string,
  { limit, offset, after }: HistoryPage,
): Promise<readonly StoredRecord[]> {
  return database.snapshot(async (statements) => {
    const conversation = await findConversation(statements, scope, conversationId);
    if (conversation === null) return [];
    const lastAt = Math.min(conversation.lastAt, after?.timeMs ?? Infinity);
    if (lastAt < conversation.firstAt) return [];
    const days = { first: layout.days.of(conversation.firstAt), last: layout.days.of(lastAt) };
    return readSources(layout, statements, days, async (sources) => {
      const newestFirst = [...sources].reverse();
      if (after !== null || offset === 0)
        return selectRecords(statements, newestFirst, conversation, after, '<', limit);
      // Read only the positions first, so that the texts of skipped records are not read.
      const first = await positionAt(statements, newestFirst, conversation, offset);
      return first === null ? [] : selectRecords(statements, newestFirst, conversation, first, '<=', limit);
    });
  });
}

/**
 * Finds a conversation in the sums. It belongs to one user. If several users have the same id, an administrator sees
 * all.
 */
async function findConversation(
  statements: Statements,
  scope: Scope,
  conversationId: string,
): Promise<Conversation | null> {
  const own = scope === 'everybody' ? null : scope.userDocumentId;
  const rows = await statements.all(
    `select user_document_id, first_at, last_at from history_conversations
     where conversation_id = ? ${own === null ? '' : 'and user_document_id = ?'} limit 1000`,
    own === null ? [conversationId] : [conversationId, own],
  );
  if (rows.length === 0) return null;
  const users = rows.map((row) => textOf(row['user_document_id']));
  const ofUsers =
    users.length === 1 ? 'user_document_id = ?' : `user_document_id in (${marks(users.length)})`;
  const firstAt = Math.min(...rows.map((row) => numberOf(row['first_at'])));
  const lastAt = Math.max(...rows.map((row) => numberOf(row['last_at'])));
  return {
    where: `${ofUsers} and conversation_id = ? and created_at >= ? and created_at <= ?`,
    bindings: [...users, conversationId, firstAt, lastAt],
    firstAt,
    lastAt,
  };
}

type Source = readonly Segment[];

async function positionAt(
  statements: Statements,
  sources: readonly Source[],
  { where, bindings }: Conversation,
  offset: number,
): Promise<Position | null> {
  let left = offset;
  for (const [index, source] of sources.entries()) {
    const tables = source.flatMap(({ records, errors }) => [records, errors]);
    if (index < sources.length - 1) {
      const counts = tables.map((table) => `select count(*) as count from ${table} where ${where}`);
      const [row] = await statements.all(
        `select sum(count) as count from (${counts.join(' union all ')}) counts`,
        tables.flatMap(() => bindings),
      );
      const count = numberOf(row?.['count']);
      if (count <= left) {
        left -= count;
        continue;
      }
    }
    const keys = tables.map(
      (table) => `select * from (select created_at, record_id from ${table} where ${where}
                  order by created_at desc, record_id desc limit ?) ${table}_keys`,
    );
    const [row] = await statements.all(
      `select created_at, record_id from (${keys.join(' union all ')}) positions
       order by created_at desc, record_id desc limit 1 offset ?`,
      [...tables.flatMap(() => [...bindings, left + 1]), left],
    );
    return row === undefined ? null : { timeMs: numberOf(row['created_at']), id: textOf(row['record_id']) };
  }
  return null;
}

async function selectRecords(
  statements: Statements,
  sources: readonly Source[],
  { where, bindings }: Conversation,
  from: Position | null,
  comparison: '<' | '<=',
  limit: number,
): Promise<readonly StoredRecord[]> {
  const beyond = from === null ? '' : `and created_at <= ? and (created_at < ? or record_id ${comparison} ?)`;
  const own = from === null ? [] : [from.timeMs, from.timeMs, from.id];
  return selectFrom(statements, sources, {
    where: `${where} ${beyond}`,
    bindings: [...bindings, ...own],
    direction: 'desc',
    limit,
  });
}

/** See `HistoryMaintenance.readBefore`. */
export function readBefore(
  { database, layout }: Readable,
  before: number,
  after: Position | null,
  limit: number,
): Promise<readonly StoredRecord[]> {
  const days = {
    first: after === null ? '' : layout.days.of(after.timeMs),
    last: layout.days.of(before - 1),
  };
  return database.snapshot((statements) =>
    readSources(layout, statements, days, (sources) =>
      selectFrom(statements, sources, {
        where: `created_at < ? ${after === null ? '' : 'and created_at >= ? and (created_at > ? or record_id > ?)'}`,
        bindings: [before, ...(after === null ? [] : [after.timeMs, after.timeMs, after.id])],
        direction: 'asc',
        limit,
      }),
    ),
  );
}

interface Selection {
  readonly where: string;
  readonly bindings: readonly Binding[];
  readonly direction: 'asc' | 'desc';
  readonly limit: number;
}

/** Reads one source after another until there are enough records. No two sources overlap in time. */
async function selectFrom(
  statements: Statements,
  sources: readonly Source[],
  selection: Selection,
): Promise<readonly StoredRecord[]> {
  const records: StoredRecord[] = [];
  for (const source of sources) {
    if (records.length >= selection.limit) break;
    const limit = selection.limit - records.length;
    records.push(...(await selectFromOne(statements, source, { ...selection, limit })));
  }
  return records;
}

/** Reads each table by its index up to the limit, then takes the first records of all. */
async function selectFromOne(
  statements: Statements,
  source: Source,
  { where, bindings, direction, limit }: Selection,
): Promise<readonly StoredRecord[]> {
  const order = `order by created_at ${direction}, record_id ${direction} limit ?`;
  const pages = source.flatMap((segment) =>
    (['records', 'errors'] as const).map(
      (table) => `select * from (select ${selection(statements.kind, table)}
                  from ${segment[table]} where ${where} ${order}) ${segment[table]}_page`,
    ),
  );
  const rows = await statements.all(`select * from (${pages.join(' union all ')}) page ${order}`, [
    ...pages.flatMap(() => [...bindings, limit]),
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
    conditions.push('user_document_id = ?');
    bindings.push(scope.userDocumentId);
  }
  if (after !== null) {
    conditions.push('last_at <= ? and (last_at < ? or conversation_id < ?)');
    bindings.push(after.timeMs, after.timeMs, after.id);
  }
  const rows = await statements.all(
    `select user_document_id, conversation_id, character_id, title, model, records, errors, total_tokens, first_at, last_at
     from history_conversations ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}
     order by last_at desc, conversation_id desc limit ? offset ?`,
    [...bindings, limit, after === null ? offset : 0],
  );
  return rows.map(toSummary);
}

function toSummary(row: Row): ConversationSummary {
  return {
    conversationId: textOf(row['conversation_id']),
    userDocumentId: textOf(row['user_document_id']),
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
      : await statements.all(
          'select count(*) as count from history_conversations where user_document_id = ?',
          [scope.userDocumentId],
        );
  return numberOf(row?.['count']);
}

/** The sums of all users have an empty user. */
export const bucketsSql = `select start_ms, model, character_id, currency, records, errors, prompt_tokens,
    completion_tokens, total_tokens, price_nanos
  from history_buckets where user_document_id = ? and start_ms >= ? and start_ms < ?
  order by start_ms, model, character_id, currency`;

/** See `HistoryStore.listBuckets`. */
export async function listBuckets(
  statements: Statements,
  scope: Scope,
  from: Date,
  to: Date,
): Promise<readonly Bucket[]> {
  const user = scope === 'everybody' ? everybody : scope.userDocumentId;
  const rows = await statements.all(bucketsSql, [user, from.getTime(), to.getTime()]);
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
