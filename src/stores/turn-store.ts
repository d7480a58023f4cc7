import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import {
  ChatError,
  type NewTurn,
  type Owner,
  type SavedTurn,
  type SentTurn,
  type Session,
  type SessionReference,
  type TurnEnding,
  type TurnProgress,
  type TurnStore,
} from '../chat';
import { claimAbandoned } from './abandoned-turns';
import { isUniqueViolation } from './database-errors';
import { toJsonColumn } from './json-column';
import { selectMessages, toMessage, type MessageRow } from './message-rows';
import { claimSession, freeSession } from './session-claims';
import { inTransaction } from './transaction';

type Database = Core.Strapi['db'];

/**
 * Turns on Strapi's database. Rows are inserted through its query layer (documentId, timestamps, column types) and
 * changed by plain SQL: the Document Service would cost some thirty times as much for each turn.
 */
export function createTurnStore(db: Database): TurnStore {
  return {
    findSession: (owner, reference) => findSession(db, owner, reference),
    open: (turn) => open(db, turn),
    findSent: (owner, key) => findSent(db, owner, key),
    async checkpoint(turnId, progress) {
      await withFreeMessageId(progress, (columns) => updatePending(db, turnId, columns));
    },
    identify: (turnId, conversationId) => identify(db, turnId, conversationId),
    keepAlive: (turnIds) => keepAlive(db, turnIds),
    find: (owner, turnId) => find(db, owner, turnId),
    requestStop: (turnId) => requestStop(db, turnId),
    close: (turnId, ending) => close(db, turnId, ending),
    hasMessage: (messageId) => hasMessage(db, messageId),
    claimAbandoned: (silentSince) => claimAbandoned(db, silentSince),
  };
}

async function findSession(db: Database, owner: Owner, reference: SessionReference): Promise<Session | null> {
  const query = db
    .connection('chat_sessions')
    .select('id', 'session_id', 'conversation_id', 'ai_character_id')
    .where({ user_id: owner.id, is_deleted: false })
    .orderBy('id', 'desc');
  if (reference.sessionId !== undefined) void query.where({ session_id: reference.sessionId });
  if (reference.conversationId !== undefined) void query.where({ conversation_id: reference.conversationId });
  const row = (await query.first()) as SessionRow | undefined;
  if (row === undefined) return null;
  return {
    rowId: row.id,
    sessionId: row.session_id,
    conversationId: row.conversation_id,
    characterId: row.ai_character_id,
  };
}

interface SessionRow {
  readonly id: number;
  readonly session_id: string;
  readonly conversation_id: string | null;
  readonly ai_character_id: number | null;
}

async function open(db: Database, turn: NewTurn): Promise<void> {
  await inTransaction(db, async (trx) => {
    const now = turn.createdAt;
    const sessionRowId =
      turn.session.rowId === null
        ? await insertSession(db, turn, now)
        : await claimSession(db, trx, turn, turn.session.rowId, now);
    await db.query('api::chat-conversation.chat-conversation').createMany({
      data: [
        {
          ...commonColumns(turn, sessionRowId),
          role: 'user',
          message_id: turn.questionMessageId,
          parent_message_id: turn.regenerates,
          idempotency_key: turn.idempotency?.key,
          request_fingerprint: turn.idempotency?.fingerprint,
        },
        {
          ...commonColumns(turn, sessionRowId),
          role: 'assistant',
          message_id: turn.answerMessageId,
          answer: '',
          outcome: 'pending',
          parent_message_id: turn.questionMessageId,
        },
      ],
    });
  });
}

function commonColumns(turn: NewTurn, sessionRowId: number) {
  return {
    query: turn.query,
    conversation_id: turn.session.conversationId,
    session: sessionRowId,
    turn_id: turn.turnId,
    ai_character: turn.characterId,
    user: turn.owner.id,
    createdAt: turn.createdAt,
    updatedAt: turn.createdAt,
  };
}

async function findSent(db: Database, owner: Owner, key: string): Promise<SentTurn | null> {
  const row = (await db
    .connection('chat_conversations')
    .where({ user_id: owner.id, idempotency_key: key })
    .first('turn_id', 'request_fingerprint')) as { turn_id: string; request_fingerprint: string } | undefined;
  return row === undefined ? null : { turnId: row.turn_id, fingerprint: row.request_fingerprint };
}

async function insertSession(db: Database, turn: NewTurn, now: Date): Promise<number> {
  const { ids } = await db.query('api::chat-session.chat-session').createMany({
    data: [
      {
        session_id: turn.session.sessionId,
        title: 'title' in turn.session ? turn.session.title : undefined,
        user: turn.owner.id,
        ai_character: turn.characterId,
        message_count: 2,
        last_message_at: now,
        live_turn_id: turn.turnId,
      },
    ],
  });
  return Number(ids[0]);
}

/** A final state never changes: only a pending answer is written to. @returns whether it was pending. */
async function updatePending(
  db: Database,
  turnId: string,
  columns: Readonly<Record<string, unknown>>,
  trx?: Knex.Transaction,
): Promise<boolean> {
  const query = db
    .connection('chat_conversations')
    .where({ turn_id: turnId, role: 'assistant', outcome: 'pending' })
    .update({ ...columns, updated_at: new Date() });
  const count = await (trx === undefined ? query : query.transacting(trx));
  return count > 0;
}

/** Runs `write` with the columns of this progress; once more without Dify's message id if that is taken. */
async function withFreeMessageId<T>(
  progress: TurnProgress,
  write: (columns: Readonly<Record<string, unknown>>) => Promise<T>,
): Promise<T> {
  const columns = {
    answer: progress.answer,
    ...(progress.taskId !== undefined && { task_id: progress.taskId }),
    ...(progress.conversationId !== undefined && { conversation_id: progress.conversationId }),
  };
  if (progress.messageId === undefined) return write(columns);
  try {
    return await write({ ...columns, message_id: progress.messageId });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    return write(columns);
  }
}

async function identify(db: Database, turnId: string, conversationId: string): Promise<void> {
  const known = { conversation_id: conversationId };
  await inTransaction(db, async (trx) => {
    await db.connection('chat_conversations').transacting(trx).where({ turn_id: turnId }).update(known);
    await db.connection('chat_sessions').transacting(trx).where({ live_turn_id: turnId }).update(known);
  });
}

async function keepAlive(db: Database, turnIds: readonly string[]): Promise<void> {
  await db
    .connection('chat_conversations')
    .whereIn('turn_id', turnIds)
    .where({ role: 'assistant', outcome: 'pending' })
    .update({ updated_at: new Date() });
}

async function close(db: Database, turnId: string, ending: TurnEnding) {
  await withFreeMessageId(ending, (columns) =>
    inTransaction(db, async (trx) => {
      await updatePending(
        db,
        turnId,
        { ...columns, ...toEndColumns(db, ending), usage: toJsonColumn(ending.usage) },
        trx,
      );
      // Also when nothing was pending any more: somebody may have deleted the answer meanwhile.
      await freeSession(db, trx, turnId, ending.conversationId);
    }),
  );
  const saved = toSavedTurn(await selectMessages(db).where('m.turn_id', turnId).orderBy('m.id'));
  if (saved === null) throw new ChatError('turn-not-found');
  return saved;
}

async function find(db: Database, owner: Owner, turnId: string): Promise<SavedTurn | null> {
  const own = { 'm.turn_id': turnId, 'm.user_id': owner.id, 'm.is_deleted': false };
  return toSavedTurn(await selectMessages(db).where(own).orderBy('m.id'));
}

function toSavedTurn(rows: readonly MessageRow[]): SavedTurn | null {
  const [question, answer] = rows.map(toMessage);
  return question === undefined || answer === undefined ? null : [question, answer];
}

async function requestStop(db: Database, turnId: string): Promise<string | null> {
  const pending = { turn_id: turnId, role: 'assistant', outcome: 'pending' };
  await db.connection('chat_conversations').where(pending).update({ stop_requested: true });
  const row = (await db.connection('chat_conversations').where(pending).first('task_id')) as
    { task_id: string | null } | undefined;
  return row?.task_id ?? null;
}

/**
 * A stop that another process was asked for makes a stopped turn of whatever the answer came to. With its end, and never
 * otherwise, a turn becomes due to be copied to the history.
 */
function toEndColumns(db: Database, { outcome, errorCode }: Pick<TurnEnding, 'outcome' | 'errorCode'>) {
  const unlessStopped = (value: string | null, stopped: string | null) =>
    db.connection.raw('case when stop_requested = ? then ? else ? end', [true, stopped, value]);
  const now = new Date();
  return {
    ended_at: now,
    history_due: now,
    outcome: unlessStopped(outcome, 'stopped'),
    error_code: unlessStopped(errorCode, null),
  };
}

async function hasMessage(db: Database, messageId: string): Promise<boolean> {
  const row: unknown = await db.connection('chat_conversations').where({ message_id: messageId }).first('id');
  return row !== undefined;
}
