import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

type Database = Core.Strapi['db'];

/**
 * Before a line of it, as whoever opens a turn or deletes a session does: PostgreSQL would end one of two transactions
 * that wait for each other. SQLite has one connection.
 */
export async function lockSession(db: Database, trx: Knex.Transaction, rowId: number): Promise<void> {
  await db.connection('chat_sessions').transacting(trx).where({ id: rowId }).forNoKeyUpdate().first('id');
}

/** @returns whether the session is there. */
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

/** Of sessions that are locked, after something else than the chat has changed their lines. */
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
