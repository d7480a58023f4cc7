import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { Erased, OwnDataStore } from '../../chat';
import { noteErasure } from '../history/erasures';
import { selectMessages, toMessage, type MessageRow } from '../messages/rows';
import type { Reader } from '../reader/reader';
import { selectSessions, toSessionEntry, type SessionRow } from '../sessions/rows';
import { inTransaction } from '../sql/transaction';

type Database = Core.Strapi['db'];

/** All rows of a user's on Strapi's database. Everything goes by an index that begins with what is looked for. */
export function createOwnDataStore(db: Database, reader: Reader): OwnDataStore {
  return {
    async listSessionsAfter(owner, { id, limit }) {
      const page = selectSessions(db)
        .where({ user_id: owner.id, is_deleted: false })
        .where('id', '>', id)
        .orderBy('id')
        .limit(limit);
      return (await reader.rows<SessionRow>(owner, page)).map(toSessionEntry);
    },
    async listMessagesAfter(owner, { id, limit }) {
      const own = { 'm.user_id': owner.id, 'm.is_deleted': false };
      const page = selectMessages(db).where(own).where('m.id', '>', id).orderBy('m.id').limit(limit);
      return (await reader.rows<MessageRow>(owner, page)).map(toMessage);
    },
    async findLiveTurns(userId) {
      const rows = (await db
        .connection('chat_sessions')
        .where({ user_id: userId })
        .whereNotNull('live_turn_id')
        .select('live_turn_id')) as { live_turn_id: string }[];
      return rows.map((row) => row.live_turn_id);
    },
    eraseSome: ({ id, documentId }, limit) =>
      inTransaction(db, async (trx) => {
        const own = { where: (rows: Knex.QueryBuilder) => rows.where({ user_id: id }), order: ['id'] };
        const { latestMs, ...erased } = await eraseSome(db, trx, { ...own, limit });
        // Also where nothing was left: the history keeps what was purged here. A process whose clock is ahead of ours may
        // have written rows of later than now.
        const before = new Date(Math.max(Date.now(), latestMs) + 1);
        await noteErasure(db, trx, { userDocumentId: documentId, conversationId: null, before });
        return erased;
      }),
    purgeSome: (deletedBefore, limit) =>
      inTransaction(db, async (trx) => {
        const { messages, sessions } = await eraseSome(db, trx, {
          where: (rows) => rows.where({ is_deleted: true }).where('deleted_at', '<', deletedBefore),
          order: ['deleted_at', 'id'],
          limit,
        });
        return { messages, sessions };
      }),
  };
}

/** Which rows, and the order of the index by which they are found. */
interface Selection {
  readonly where: (rows: Knex.QueryBuilder) => Knex.QueryBuilder;
  readonly order: readonly string[];
  readonly limit: number;
}

/** Messages before their sessions, so that none is left without. */
async function eraseSome(
  db: Database,
  trx: Knex.Transaction,
  selection: Selection,
): Promise<Erased & { readonly latestMs: number }> {
  const messages = await eraseBit(db, trx, 'chat_conversations', selection);
  if (messages.count > 0) return { messages: messages.count, sessions: 0, latestMs: messages.latestMs };
  const sessions = await eraseBit(db, trx, 'chat_sessions', selection);
  return { messages: 0, sessions: sessions.count, latestMs: sessions.latestMs };
}

interface Bit {
  /** How many rows there were to erase, whoever erased them. */
  readonly count: number;
  /** When the last of them was written; 0 where there were none. */
  readonly latestMs: number;
}

/**
 * By ids, so that two processes at it take the same rows in the same order, and by the condition once more: some may be
 * gone or restored meanwhile.
 */
async function eraseBit(
  db: Database,
  trx: Knex.Transaction,
  table: string,
  { where, order, limit }: Selection,
): Promise<Bit> {
  const rows = () => db.connection(table).transacting(trx) as Knex.QueryBuilder;
  const found = (await where(rows())
    .orderBy([...order])
    .limit(limit)
    .select('id', 'created_at')) as { id: number; created_at: Date | number | string }[];
  if (found.length === 0) return { count: 0, latestMs: 0 };
  const ids = found.map(({ id }) => id);
  await where(rows()).whereIn('id', ids).delete();
  const latestMs = Math.max(...found.map(({ created_at: createdAt }) => new Date(createdAt).getTime()));
  return { count: found.length, latestMs };
}
