import type { Core } from '@strapi/strapi';

import type { AbandonedTurn } from '../chat';
import { toFreeing } from './session-claims';
import { statementsOf } from './statements';
import { inTransaction } from './transaction';

type Database = Core.Strapi['db'];

/** See `TurnStore.claimAbandoned`. */
export async function claimAbandoned(db: Database, silentSince: Date): Promise<readonly AbandonedTurn[]> {
  const claimed: AbandonedTurn[] = [];
  for (const row of await selectSilent(db, silentSince)) {
    if (row.id === null) await freeIfEnded(db, row.live_turn_id);
    else if (await claimAnswer(db, row.id, silentSince)) claimed.push(toAbandonedTurn(row));
  }
  return claimed;
}

interface SilentRow {
  readonly live_turn_id: string;
  /** Of the pending answer; null, as everything below it, where there is none. */
  readonly id: number | null;
  readonly query: string;
  readonly answer: string | null;
  readonly message_id: string;
  readonly task_id: string | null;
  readonly conversation_id: string | null;
  readonly created_at: Date | number | string;
  readonly owner_document_id: string | null;
}

/** Goes by the sessions' claims, which are few and indexed, and not through all messages. */
async function selectSilent(db: Database, silentSince: Date): Promise<readonly SilentRow[]> {
  return (await db.connection
    .from({ s: 'chat_sessions' })
    .leftJoin({ a: 'chat_conversations' }, (join) => {
      join.on('a.turn_id', 's.live_turn_id').onVal('a.role', 'assistant').onVal('a.outcome', 'pending');
    })
    .leftJoin({ u: 'up_users' }, 'u.id', 'a.user_id')
    .whereNotNull('s.live_turn_id')
    .where((either) => void either.whereNull('a.id').orWhere('a.updated_at', '<', silentSince))
    .orderBy('s.id')
    .select(
      's.live_turn_id',
      ...['id', 'query', 'answer', 'message_id', 'task_id', 'conversation_id', 'created_at'].map(
        (column) => `a.${column}`,
      ),
      'u.document_id as owner_document_id',
    )) as readonly SilentRow[];
}

/** Several processes may see the same turn: the condition gives it to one of them. */
async function claimAnswer(db: Database, rowId: number, silentSince: Date): Promise<boolean> {
  const count = await db
    .connection('chat_conversations')
    .where({ id: rowId, outcome: 'pending' })
    .where('updated_at', '<', silentSince)
    .update({ updated_at: new Date() });
  return count > 0;
}

/** A session claimed by a turn without a pending answer: an admin has deleted it. */
async function freeIfEnded(db: Database, turnId: string): Promise<void> {
  await inTransaction(db, async (trx) => {
    const living: unknown = await db
      .connection('chat_conversations')
      .transacting(trx)
      .where({ turn_id: turnId, role: 'assistant', outcome: 'pending' })
      .first('id');
    if (living !== undefined) return;
    await statementsOf(trx)(toFreeing([{ turnId }], new Date()));
  });
}

function toAbandonedTurn(row: SilentRow): AbandonedTurn {
  return {
    turnId: row.live_turn_id,
    ownerDocumentId: row.owner_document_id,
    query: row.query,
    createdAt: new Date(row.created_at),
    answer: row.answer ?? '',
    // Until Dify has named its task, the message goes by an id of ours.
    messageId: row.task_id === null ? undefined : row.message_id,
    conversationId: row.conversation_id,
  };
}
