import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { Hit, Owner, SearchStore } from '../chat';
import { containsText } from './filter-sql';
import { selectMessages, toMessage, type MessageRow } from './message-rows';

type Database = Core.Strapi['db'];

/** What was said in a row, and not in the other one of its turn: no turn is found twice for one text. */
const said = `case when m.role = 'user' then m.query else m.answer end`;

/**
 * Looks through the owner's rows and no others, which an index keeps together. Ids first, so that long texts are only
 * carried for the page.
 */
export function createSearchStore(db: Database): SearchStore {
  const dialect = db.dialect.client === 'sqlite' ? 'sqlite' : 'postgres';
  return {
    // better-sqlite3 does not return before the statement has ended.
    isBlocking: dialect === 'sqlite',
    async searchWindow(owner, text, { before, size }) {
      const next = (await ofOwner(db, owner)
        .where('m.id', '<', before)
        .orderBy('m.id', 'desc')
        .offset(size)
        .first('m.id')) as { id: number } | undefined;
      const ids = (await ofOwner(db, owner)
        .where('m.id', '<', before)
        .where('m.id', '>', next?.id ?? 0)
        .where('m.is_deleted', false)
        .whereRaw(containsText(`lower(${said})`, 'lower(?)', dialect), [text])
        .orderBy('m.id', 'desc')
        .pluck('m.id')) as number[];
      return { ids, end: next === undefined ? null : next.id + 1 };
    },
    findHits: (owner, ids) => findHits(db, owner, ids),
  };
}

function ofOwner(db: Database, owner: Owner): Knex.QueryBuilder {
  return db.connection
    .from({ m: 'chat_conversations' })
    .where({ 'm.user_id': owner.id }) as Knex.QueryBuilder;
}

async function findHits(db: Database, owner: Owner, ids: readonly number[]): Promise<readonly Hit[]> {
  if (ids.length === 0) return [];
  const rows = (await selectMessages(db)
    .select('s.title as session_title')
    .whereIn('m.id', [...ids])
    .where('m.user_id', owner.id)
    .where('m.is_deleted', false)
    .orderBy('m.id', 'desc')) as unknown as readonly (MessageRow & {
    readonly session_title: string | null;
  })[];
  return rows.map((row) => ({ message: toMessage(row), title: row.session_title }));
}
