import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { ChatError, type NewTurn } from '../chat';
import { messageColumns, type MessageRow } from './message-rows';

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

/** What was there to be freed. */
export interface FreedSession {
  readonly question: MessageRow | undefined;
  readonly sessionId: string | undefined;
}

/** Ends the claim, if this turn has it, and gives question and session the conversation that Dify has named. */
export async function freeSession(
  db: Database,
  trx: Knex.Transaction,
  turnId: string,
  conversationId: string | undefined,
): Promise<FreedSession> {
  const now = new Date();
  const known = conversationId === undefined ? {} : { conversation_id: conversationId };
  const [question] = (await db
    .connection('chat_conversations')
    .transacting(trx)
    .where({ turn_id: turnId, role: 'user' })
    .update({ ...known, updated_at: now })
    .returning([...messageColumns])) as MessageRow[];
  const [session] = (await db
    .connection('chat_sessions')
    .transacting(trx)
    .where({ live_turn_id: turnId })
    .update({ ...known, live_turn_id: null, last_message_at: now, updated_at: now })
    .returning('session_id')) as { session_id: string }[];
  return { question, sessionId: session?.session_id };
}
