import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { Erased, OwnDataStore } from '../chat';
import { selectMessages, toMessage } from './message-rows';
import { toSessionEntry, type SessionRow } from './session-rows';
import { inTransaction } from './transaction';

type Database = Core.Strapi['db'];

/** Rows that go in one statement: a few milliseconds of SQLite, for which all others wait. */
const bitSize = 500;

/** All rows of a user's on Strapi's database. Everything goes by an index that begins with what is looked for. */
export function createOwnDataStore(db: Database): OwnDataStore {
  return {
    async listSessionsAfter(owner, { id, limit }) {
      const rows = (await db
        .connection('chat_sessions')
        .where({ user_id: owner.id, is_deleted: false })
        .where('id', '>', id)
        .orderBy('id')
        .limit(limit)) as SessionRow[];
      return rows.map(toSessionEntry);
    },
    async listMessagesAfter(owner, { id, limit }) {
      const own = { 'm.user_id': owner.id, 'm.is_deleted': false };
      const rows = await selectMessages(db).where(own).where('m.id', '>', id).orderBy('m.id').limit(limit);
      return rows.map(toMessage);
    },
    async findLiveTurns(userId) {
      const rows = (await db
        .connection('chat_sessions')
        .where({ user_id: userId })
        .whereNotNull('live_turn_id')
        .select('live_turn_id')) as { live_turn_id: string }[];
      return rows.map((row) => row.live_turn_id);
    },
    eraseSome: (userId) => eraseSome(db, { where: (rows) => rows.where({ user_id: userId }), order: ['id'] }),
    purgeSome: (deletedBefore) =>
      eraseSome(db, {
        where: (rows) => rows.where({ is_deleted: true }).where('deleted_at', '<', deletedBefore),
        order: ['deleted_at', 'id'],
      }),
  };
}

/** Which rows, and the order of the index by which they are found. */
interface Selection {
  readonly where: (rows: Knex.QueryBuilder) => Knex.QueryBuilder;
  readonly order: readonly string[];
}

/** Messages before their sessions, so that none is left without. */
async function eraseSome(db: Database, selection: Selection): Promise<Erased> {
  return inTransaction(db, async (trx) => {
    const messages = await eraseBit(db, trx, 'chat_conversations', selection);
    const sessions = messages > 0 ? 0 : await eraseBit(db, trx, 'chat_sessions', selection);
    return { messages, sessions };
  });
}

/**
 * By ids, so that two processes at it take the same rows in the same order, and by the condition once more: some may be
 * gone or restored meanwhile.
 * @returns how many rows there were to erase, whoever erased them.
 */
async function eraseBit(
  db: Database,
  trx: Knex.Transaction,
  table: string,
  { where, order }: Selection,
): Promise<number> {
  const rows = () => db.connection(table).transacting(trx) as Knex.QueryBuilder;
  const found = (await where(rows())
    .orderBy([...order])
    .limit(bitSize)
    .select('id')) as { id: number }[];
  if (found.length === 0) return 0;
  await where(rows())
    .whereIn(
      'id',
      found.map(({ id }) => id),
    )
    .delete();
  return found.length;
}
