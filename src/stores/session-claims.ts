import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { ChatError, type NewTurn } from '../chat';
import { withGivenRows } from './given-rows';

type Database = Core.Strapi['db'];

/**
 * A session is claimed by the turn it is answering (`live_turn_id`). Two processes may come here at once: the condition
 * lets one of them through.
 * @throws ChatError `turn-in-progress`, `session-not-found`
 */
export async function claimSession(
  db: Database,
  trx: Knex.Transaction,
  turn: NewTurn,
  rowId: number,
  now: Date,
): Promise<number> {
  const count = await db
    .connection('chat_sessions')
    .transacting(trx)
    .where({ id: rowId, is_deleted: false })
    .whereNull('live_turn_id')
    .update({
      live_turn_id: turn.turnId,
      ai_character_id: turn.characterId,
      last_message_at: now,
      updated_at: now,
      message_count: db.connection.raw('?? + 2', ['message_count']),
    });
  if (count === 0) throw await toClaimError(db, trx, rowId);
  return rowId;
}

async function toClaimError(db: Database, trx: Knex.Transaction, rowId: number): Promise<ChatError> {
  const row = (await db
    .connection('chat_sessions')
    .transacting(trx)
    .select('live_turn_id', 'session_id')
    .where({ id: rowId, is_deleted: false })
    .first()) as { live_turn_id: string | null; session_id: string } | undefined;
  if (row === undefined) return new ChatError('session-not-found');
  return new ChatError('turn-in-progress', {
    details: { turn_id: row.live_turn_id, session_id: row.session_id },
  });
}

/** Ends the claims of these turns, where they have one, and gives their sessions the conversation that Dify has named. */
export function freeSessions(
  trx: Knex.Transaction,
  turns: readonly { readonly turnId: string; readonly conversationId?: string | undefined }[],
  now: Date,
): Promise<readonly { readonly id: number; readonly session_id: string }[]> {
  return withGivenRows(
    trx,
    `update chat_sessions set conversation_id = coalesce(given.column2, conversation_id), live_turn_id = null,
       last_message_at = ?, updated_at = ?
     from $given where live_turn_id = given.column1 returning id, session_id`,
    turns.map(({ turnId, conversationId }) => [turnId, conversationId ?? null]),
    [now, now],
  );
}
