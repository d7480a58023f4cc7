import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { Hit, Owner, SearchStore } from '../chat';
import { containsText } from './filter-sql';
import { selectMessages, toMessage, type MessageRow } from './message-rows';

type Database = Core.Strapi['db'];

/** What was said in a row, and not in the other one of its turn: no turn is found twice for one text. */
const said = `case when m.role = 'user' then m.query else m.answer end`;

/**
 * Looks through the owner's rows and no others, which an index keeps together; what it costs grows with what they have
 * said. Ids first, with their number, so that long texts are only carried for the page.
 */
export function createSearchStore(db: Database): SearchStore {
  return {
    async search(owner, text, { limit, offset }) {
      const rows = (await match(db, owner, text)
        .select('m.id', db.connection.raw('count(*) over () as total'))
        .orderBy('m.id', 'desc')
        .limit(limit)
        .offset(offset)) as { id: number; total: number | string }[];
      const ids = rows.map(({ id }) => id);
      if (ids.length > 0) return { items: await findHits(db, ids), total: Number(rows[0]?.total) };
      // A page beyond the last one has no row to tell the total.
      return { items: [], total: offset === 0 ? 0 : await count(db, owner, text) };
    },
  };
}

async function count(db: Database, owner: Owner, text: string): Promise<number> {
  const row = (await match(db, owner, text).count({ total: '*' }).first()) as { total: number | string };
  return Number(row.total);
}

function match(db: Database, owner: Owner, text: string): Knex.QueryBuilder {
  const dialect = db.dialect.client === 'sqlite' ? 'sqlite' : 'postgres';
  return db.connection
    .from({ m: 'chat_conversations' })
    .where({ 'm.user_id': owner.id, 'm.is_deleted': false })
    .whereRaw(containsText(`lower(${said})`, 'lower(?)', dialect), [text]) as Knex.QueryBuilder;
}

async function findHits(db: Database, ids: readonly number[]): Promise<readonly Hit[]> {
  const rows = (await selectMessages(db)
    .select('s.title as session_title')
    .whereIn('m.id', [...ids])
    .orderBy('m.id', 'desc')) as unknown as readonly (MessageRow & {
    readonly session_title: string | null;
  })[];
  return rows.map((row) => ({ message: toMessage(row), title: row.session_title }));
}
