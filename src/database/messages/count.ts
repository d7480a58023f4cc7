import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

type Database = Core.Strapi['db'];

/**
 * Locks the session row. Call this before changing its messages.
 * Opening a turn and deleting a session use the same order, which avoids deadlocks on PostgreSQL.
 * SQLite has one connection and needs no lock.
 */
export async function lockSession(db: Database, trx: Knex.Transaction, rowId: number): Promise<void> {
  await db.connection('chat_sessions').transacting(trx).where({ id: rowId }).forNoKeyUpdate().first('id');
}

/** Locks the session row and notes that the session changes now. */
export async function touchSession(db: Database, trx: Knex.Transaction, rowId: number): Promise<void> {
  await db
    .connection('chat_sessions')
    .transacting(trx)
    .where({ id: rowId, is_deleted: false })
    .update({ updated_at: new Date() });
}

/** Changes the message count of a session. @returns whether the session exists. */
export async function countMessage(
  db: Database,
  trx: Knex.Transaction,
  sessionRowId: number,
  difference: 1 | -1,
  columns: Readonly<Record<string, unknown>> = {},
): Promise<boolean> {
  const count = await db
    .connection('chat_sessions')
    .transacting(trx)
    .where({ id: sessionRowId, is_deleted: false })
    .update({
      ...columns,
      message_count: db.connection.raw('?? + ?', ['message_count', difference]),
      updated_at: new Date(),
    });
  return count > 0;
}

/** Recounts the messages of sessions after other code than the chat has changed them. The caller locks the sessions. */
export async function recountMessages(
  db: Database,
  trx: Knex.Transaction,
  sessionRowIds: readonly number[],
): Promise<void> {
  const lines = db
    .connection('chat_conversations')
    .where({ is_deleted: false })
    .where('session_id', db.connection.ref('chat_sessions.id'))
    .count();
  await db
    .connection('chat_sessions')
    .transacting(trx)
    .whereIn('id', sessionRowIds)
    .update({ message_count: lines });
}
