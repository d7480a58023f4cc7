import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { toUpstreamUser, type Erased, type OwnDataStore } from '../../chat';
import { eraseFilesOf } from '../files/store';
import { noteErasure } from '../history/erasures';
import { selectMessages, toMessage, type MessageRow } from '../messages/rows';
import type { Reader } from '../reader/reader';
import { selectSessions, toSessionEntry, type SessionRow } from '../sessions/rows';
import { conversationsOf, threadColumns, type ThreadColumns } from '../sessions/threads';
import { noteUnneeded } from '../sessions/unneeded-conversations';
import { inTransaction } from '../sql/transaction';
import { listTokensOf } from './tokens';

type Database = Core.Strapi['db'];

/** Creates the store of a user's own rows on Strapi's database. Each query uses an index that begins with its key. */
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
    listTokens: ({ id }) => listTokensOf(db, id),
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
        await eraseFilesOf(db, trx, documentId);
        const { latestMs, conversations, ...erased } = await eraseSome(db, trx, { ...own, limit });
        const user = toUpstreamUser({ documentId });
        await noteUnneeded(
          db,
          trx,
          conversations.flatMap((row) => conversationsOf(row, user)),
        );
        // Queue this even if no row was left, because the history still has rows that were purged here.
        // A process with a faster clock may have written rows with a time after now.
        const before = new Date(Math.max(Date.now(), latestMs) + 1);
        await noteErasure(db, trx, { userDocumentId: documentId, conversationId: null, before });
        return erased;
      }),
    purgeSome: (deletedBefore, limit) =>
      inTransaction(db, async (trx) => {
        const { messages, sessions, conversations } = await eraseSome(db, trx, {
          where: (rows) => rows.where({ is_deleted: true }).where('deleted_at', '<', deletedBefore),
          order: ['deleted_at', 'id'],
          limit,
        });
        await noteUnneeded(db, trx, await withUsers(db, trx, conversations));
        return { messages, sessions };
      }),
  };
}

/** Selects the rows to erase, in the order of an index. */
interface Selection {
  readonly where: (rows: Knex.QueryBuilder) => Knex.QueryBuilder;
  readonly order: readonly string[];
  readonly limit: number;
}

/** Erases messages before their sessions, so that no message is left without its session. */
async function eraseSome(
  db: Database,
  trx: Knex.Transaction,
  selection: Selection,
): Promise<Erased & Omit<Bit, 'count'>> {
  const { count: messages, ...ofMessages } = await eraseBit(db, trx, 'chat_conversations', selection);
  if (messages > 0) return { messages, sessions: 0, ...ofMessages };
  const { count: sessions, ...ofSessions } = await eraseBit(db, trx, 'chat_sessions', selection);
  return { messages: 0, sessions, ...ofSessions };
}

/** Leaves out conversations whose user is deleted: they were noted together with the user. */
async function withUsers(db: Database, trx: Knex.Transaction, rows: readonly FoundRow[]) {
  const ids = [...new Set(rows.flatMap(({ user_id: userId }) => userId ?? []))];
  const users = (await db
    .connection('up_users')
    .transacting(trx)
    .whereIn('id', ids)
    .select('id', 'document_id')) as { id: number; document_id: string }[];
  const names = new Map(users.map((user) => [user.id, toUpstreamUser({ documentId: user.document_id })]));
  return rows.flatMap((row) => {
    const user = row.user_id === null ? undefined : names.get(row.user_id);
    return user === undefined ? [] : conversationsOf(row, user);
  });
}

interface Bit {
  /** How many rows were found, even if another process erased them. */
  readonly count: number;
  /** The creation time of the newest row; 0 if no row was found. */
  readonly latestMs: number;
  /** The rows that name conversations. A row has one only after its upstream has begun to answer. */
  readonly conversations: readonly FoundRow[];
}

/**
 * Erases one batch of rows by id.
 * The DELETE repeats the condition, because rows can be erased or restored after the SELECT.
 * Two processes find the same rows in the same order.
 */
async function eraseBit(
  db: Database,
  trx: Knex.Transaction,
  table: keyof typeof conversationColumns,
  { where, order, limit }: Selection,
): Promise<Bit> {
  const rows = () => db.connection(table).transacting(trx) as Knex.QueryBuilder;
  const found = (await where(rows())
    .orderBy([...order])
    .limit(limit)
    .select('id', 'created_at', 'user_id', ...conversationColumns[table])
    // A turn that ends meanwhile could else give its rows a conversation after this.
    .forUpdate()) as FoundRow[];
  if (found.length === 0) return { count: 0, latestMs: 0, conversations: [] };
  const ids = found.map(({ id }) => id);
  await where(rows()).whereIn('id', ids).delete();
  const latestMs = Math.max(...found.map(({ created_at: createdAt }) => new Date(createdAt).getTime()));
  return { count: found.length, latestMs, conversations: found };
}

const conversationColumns = {
  chat_conversations: ['conversation_id', 'upstream'],
  chat_sessions: threadColumns,
} as const;

/** A message or a session. */
interface FoundRow extends ThreadColumns {
  readonly id: number;
  readonly created_at: Date | number | string;
  readonly user_id: number | null;
}
