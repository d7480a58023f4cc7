import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { Hit, Owner, SearchStore } from '../../chat';
import { containsText } from './filter-sql';
import { messagesAlone, selectMessages, toMessage, type MessageRow } from './rows';
import type { Reader } from '../reader/reader';

type Database = Core.Strapi['db'];

/** The searched text of a row. It excludes the text of the turn's other row, so that a turn is not found twice. */
export const said = `case when m.role = 'user' then m.query else m.answer end`;

/**
 * Creates the search on Strapi's database. It reads only the owner's rows, which an index keeps together.
 * It finds ids first, and reads the long texts only for the page.
 */
export function createSearchStore(db: Database, reader: Reader): SearchStore {
  const dialect = db.dialect.client === 'sqlite' ? 'sqlite' : 'postgres';
  return {
    async searchWindow(owner, text, { before, size, signal }) {
      const ofOwner = () =>
        messagesAlone(db).where({ 'm.user_id': owner.id }).orderBy('m.id', 'desc').select('m.id');
      const idsOf = async (select: Knex.QueryBuilder) =>
        (await reader.rows<{ readonly id: number }>(owner, select, { signal })).map(({ id }) => id);
      const [next] = await idsOf(ofOwner().where('m.id', '<', before).offset(size).limit(1));
      const contains = containsText(said, text, { dialect, ignoreCase: true });
      const ids = await idsOf(
        ofOwner()
          .where('m.id', '<', before)
          .where('m.id', '>', next ?? 0)
          .where('m.is_deleted', false)
          .whereRaw(contains.sql, [...contains.bindings]),
      );
      return { ids, end: next === undefined ? null : next + 1 };
    },
    findHits: (owner, ids) => findHits(db, owner, ids),
  };
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
