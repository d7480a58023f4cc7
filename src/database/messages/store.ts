import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { Message, MessageMarks, MessageQuery, MessageStore, Owner } from '../../chat';
import { characterColumn, characterOf } from '../characters/links';
import { isMainRow } from '../characters/locales';
import { countFew, fewRows } from '../reader/few-rows';
import { columnOf, toCondition, type Condition, type Dialect } from './filter-sql';
import { fromMessagesFor, selectMessages, toMessage, type MessageRow } from './rows';
import type { Reader } from '../reader/reader';
import { resolveSessions } from './session-filter';

type Database = Core.Strapi['db'];

/** Creates the store of messages on Strapi's database. The reader runs selects that can read many rows. */
export function createMessageStore(db: Database, reader: Reader): MessageStore {
  return {
    async list(owner, given, signal) {
      const query = { ...given, filter: await resolveSessions(db, given.filter) };
      const condition = toOwnCondition(db, owner, query);
      const total = await count(db, reader, owner, { query, condition, signal });
      const isBeyond = query.cursor === null && query.offset >= total;
      if (isBeyond) return { messages: [], total };
      const page = selectPage(db, query, condition);
      const rows = isShort(query)
        ? await page
        : await reader.rows<MessageRow>(owner, page, { signal, interruptedAt: 'm.id' });
      return { messages: rows.map(toMessage), total };
    },
    find: (owner, messageId) => findOne(db, owner, { 'm.message_id': messageId }),
    async mark(owner, id, marks) {
      const own = { id, user_id: owner.id, is_deleted: false };
      // `updated_at` stays, because no text changes.
      await db.connection('chat_conversations').where(own).update(toColumns(marks));
      return findOne(db, owner, { 'm.id': id });
    },
  };
}

/** Returns whether an index leads to the page and passes at most `fewRows` rows. */
function isShort({ filter, sort, offset, limit }: MessageQuery): boolean {
  return filter === null && sort.length === 0 && offset + limit <= fewRows;
}

async function findOne(
  db: Database,
  owner: Owner,
  which: Readonly<Record<string, string | number>>,
): Promise<Message | null> {
  const own = { 'm.user_id': owner.id, 'm.is_deleted': false };
  const row = await selectMessages(db).where(which).where(own).first();
  return row === undefined ? null : toMessage(row);
}

function toColumns({ status, feedback }: MessageMarks): Readonly<Record<string, string | null>> {
  return {
    ...(status !== undefined && { message_status: status }),
    ...(feedback !== undefined && { feedback }),
  };
}

/** Counts messages. Without a filter, the main connection counts up to `fewRows` by an index. */
async function count(
  db: Database,
  reader: Reader,
  owner: Owner,
  {
    query,
    condition,
    signal,
  }: {
    readonly query: MessageQuery;
    readonly condition: Condition;
    readonly signal: AbortSignal | undefined;
  },
): Promise<number> {
  const isAll = query.filter === null;
  if (isAll) {
    const some = await countFew(db, 'chat_conversations', owner);
    if (some <= fewRows) return some;
  }
  const rows = fromMessagesFor(db, condition.sql).whereRaw(condition.sql, [...condition.bindings]);
  if (condition.sql.includes('p.')) joinPublishedCharacter(db, rows);
  const [row] = await reader.rows<{ readonly count: number | string }>(
    owner,
    rows.count({ count: 'm.id' }),
    isAll ? { signal } : { signal, interruptedAt: 'm.id' },
  );
  return Number(row?.count ?? 0);
}

function selectPage(db: Database, query: MessageQuery, { sql, bindings }: Condition) {
  const page = selectMessages(db)
    .whereRaw(sql, [...bindings])
    .limit(query.limit)
    .offset(query.offset);
  if (sql.includes('p.')) joinPublishedCharacter(db, page);
  if (query.cursor !== null) {
    void page.whereRaw('(m.created_at, m.id) < (?, ?)', [query.cursor.createdAt, query.cursor.id]);
  }
  for (const order of toOrder(query)) void page.orderByRaw(order.sql);
  return page;
}

/** Returns SQL for the owner's undeleted messages that match. Parentheses keep the client's filter inside. */
function toOwnCondition(db: Database, owner: Owner, { filter }: MessageQuery): Condition {
  const own = { sql: 'm.user_id = ? and m.is_deleted = ?', bindings: [owner.id, false] };
  if (filter === null) return own;
  const dialect: Dialect = db.dialect.client === 'sqlite' ? 'sqlite' : 'postgres';
  const { sql, bindings } = toCondition(filter, { owner, dialect, character: characterColumn(db, 'm') });
  return { sql: `${own.sql} and (${sql})`, bindings: [...own.bindings, ...bindings] };
}

function joinPublishedCharacter(db: Database, rows: Knex.QueryBuilder): void {
  void rows.leftJoin({ p: 'ai_characters' }, (join) => {
    join.on('p.document_id', db.connection.raw(characterOf('m'))).onNotNull('p.published_at');
    join.andOn(db.connection.raw(isMainRow('p')));
  });
}

/** Returns a total order, so that no message is on two pages. Nulls come first in ascending order on both databases. */
function toOrder({ sort }: MessageQuery): { sql: string }[] {
  if (sort.length === 0) return [{ sql: 'm.created_at desc' }, { sql: 'm.id desc' }];
  const isDescending = sort.at(-1)?.descending === true;
  return [
    ...sort.map(({ field, descending }) => ({
      sql: `${columnOf(field)} ${descending ? 'desc nulls last' : 'asc nulls first'}`,
    })),
    { sql: `m.id ${isDescending ? 'desc' : 'asc'}` },
  ];
}
