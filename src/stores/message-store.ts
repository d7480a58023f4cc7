import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { Message, MessageMarks, MessageQuery, MessageStore, Owner } from '../chat';
import { columnOf, toCondition, type Dialect } from './filter-sql';
import { fromMessages, selectMessages, toMessage } from './message-rows';

type Database = Core.Strapi['db'];

/** Messages on Strapi's database: a page is one statement, and so is its count. Reads and marks go by an index. */
export function createMessageStore(db: Database): MessageStore {
  return {
    async list(owner, query) {
      const count = (await restrict(db, countMessages(db, query), owner, query).first()) as {
        count: number | string;
      };
      const total = Number(count.count);
      const isBeyond = query.cursor === null && query.offset >= total;
      const messages = isBeyond ? [] : await selectPage(db, owner, query);
      return { messages, total };
    },
    find: (owner, messageId) => findOne(db, owner, { 'm.message_id': messageId }),
    async mark(owner, id, marks) {
      const own = { id, user_id: owner.id, is_deleted: false };
      // `updated_at` stays: of a pending answer it is what keeps its turn alive.
      await db.connection('chat_conversations').where(own).update(toColumns(marks));
      return findOne(db, owner, { 'm.id': id });
    },
  };
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

/** Without a filter there is nothing to join for: the count then reads one index. */
function countMessages(db: Database, { filter }: MessageQuery): Knex.QueryBuilder {
  const rows =
    filter === null
      ? (db.connection.from({ m: 'chat_conversations' }) as Knex.QueryBuilder)
      : fromMessages(db);
  return rows.count({ count: 'm.id' });
}

async function selectPage(db: Database, owner: Owner, query: MessageQuery) {
  const page = restrict(db, selectMessages(db), owner, query).limit(query.limit).offset(query.offset);
  if (query.cursor !== null) {
    void page.whereRaw('(m.created_at, m.id) < (?, ?)', [query.cursor.createdAt, query.cursor.id]);
  }
  for (const { sql } of toOrder(query)) void page.orderByRaw(sql);
  const rows = await page;
  return rows.map(toMessage);
}

/** The owner's own, not deleted, and matching. Nothing in a client's filter can reach outside its parentheses. */
function restrict<T extends Knex.QueryBuilder>(
  db: Database,
  rows: T,
  owner: Owner,
  { filter }: MessageQuery,
): T {
  void rows.where({ 'm.user_id': owner.id, 'm.is_deleted': false });
  if (filter === null) return rows;
  const dialect: Dialect = db.dialect.client === 'sqlite' ? 'sqlite' : 'postgres';
  const { sql, bindings } = toCondition(filter, { owner, dialect });
  if (sql.includes('p.')) joinPublishedCharacter(rows);
  void rows.whereRaw(`(${sql})`, [...bindings]);
  return rows;
}

function joinPublishedCharacter(rows: Knex.QueryBuilder): void {
  void rows
    .leftJoin({ d: 'ai_characters' }, 'd.id', 'm.ai_character_id')
    .leftJoin({ p: 'ai_characters' }, (join) => {
      join.on('p.document_id', 'd.document_id').onNotNull('p.published_at');
    });
}

/** Always total, so that no message is on two pages. Nulls come first upwards on both databases. */
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
