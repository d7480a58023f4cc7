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
import { withFreeMessageId } from './free-message-id';
import { insertRows } from './insert-rows';
import { toJsonColumn } from './json-column';
import { messageColumns, selectMessages, toMessage, type MessageRow } from './message-rows';
import { claimSession, freeSession, type FreedSession } from './session-claims';
import { inTransaction } from './transaction';
import { createTurnCheckpoints } from './turn-checkpoints';

type Database = Core.Strapi['db'];

/**
 * Turns on Strapi's database, by plain SQL: the Document Service would cost some thirty times as much for each turn.
 */
export function createTurnStore(db: Database): TurnStore {
  return {
    findSession: (owner, reference) => findSession(db, owner, reference),
    open: (turn) => open(db, turn),
    findSent: (owner, key) => findSent(db, owner, key),
    ...createTurnCheckpoints(db),
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
    if (turn.supersedes !== null) await supersede(db, trx, turn, turn.supersedes, sessionRowId);
    const common = commonColumns(turn, sessionRowId);
    await insertRows(db, 'api::chat-conversation.chat-conversation', [
      {
        ...common,
        role: 'user',
        message_id: turn.questionMessageId,
        parent_message_id: turn.regenerates,
        idempotency_key: turn.idempotency?.key ?? null,
        request_fingerprint: turn.idempotency?.fingerprint ?? null,
      },
      {
        ...common,
        role: 'assistant',
        message_id: turn.answerMessageId,
        answer: '',
        outcome: 'pending',
        parent_message_id: turn.questionMessageId,
      },
    ]);
  });
}

/** Deleted lines too: one that is restored comes back where it was. */
async function supersede(
  db: Database,
  trx: Knex.Transaction,
  { owner }: NewTurn,
  since: number,
  sessionRowId: number,
): Promise<void> {
  await db
    .connection('chat_conversations')
    .transacting(trx)
    .where({ session_id: sessionRowId, user_id: owner.id })
    .where('id', '>=', since)
    .update({ is_superseded: true });
}

function commonColumns(turn: NewTurn, sessionRowId: number) {
  return {
    query: turn.query,
    conversation_id: turn.session.conversationId,
    session_id: sessionRowId,
    turn_id: turn.turnId,
    ai_character_id: turn.characterId,
    user_id: turn.owner.id,
    created_at: turn.createdAt,
    updated_at: turn.createdAt,
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
  const [id] = await insertRows(db, 'api::chat-session.chat-session', [
    {
      session_id: turn.session.sessionId,
      ...('title' in turn.session && { title: turn.session.title }),
      user_id: turn.owner.id,
      ai_character_id: turn.characterId,
      message_count: 2,
      last_message_at: now,
      live_turn_id: turn.turnId,
      created_at: now,
      updated_at: now,
    },
  ]);
  return Number(id);
}

function toColumns({ answer, taskId, conversationId, messageId }: TurnProgress) {
  return {
    answer,
    ...(taskId !== undefined && { task_id: taskId }),
    ...(conversationId !== undefined && { conversation_id: conversationId }),
    ...(messageId !== undefined && { message_id: messageId }),
  };
}

async function keepAlive(db: Database, turnIds: readonly string[]): Promise<void> {
  await db
    .connection('chat_conversations')
    .whereIn('turn_id', turnIds)
    .where({ role: 'assistant', outcome: 'pending' })
    .update({ updated_at: new Date() });
}

async function close(db: Database, turnId: string, ending: TurnEnding): Promise<SavedTurn> {
  const written = await withFreeMessageId(ending, (end) =>
    inTransaction(db, async (trx) => {
      const columns = { ...toColumns(end), ...toEndColumns(db, end), usage: toJsonColumn(end.usage) };
      // A final state never changes: only a pending answer is written to.
      const [answer] = (await db
        .connection('chat_conversations')
        .transacting(trx)
        .where({ turn_id: turnId, role: 'assistant', outcome: 'pending' })
        .update({ ...columns, updated_at: columns.ended_at })
        .returning([...messageColumns])) as MessageRow[];
      // Also when nothing was pending any more: somebody may have deleted the answer meanwhile.
      const freed = await freeSession(db, trx, turnId, ending.conversationId);
      return { answer, ...freed };
    }),
  );
  const saved = toSavedTurn(
    rowsOf(written) ?? (await selectMessages(db).where('m.turn_id', turnId).orderBy('m.id')),
  );
  if (saved === null) throw new ChatError('turn-not-found');
  return saved;
}

/** As `selectMessages` would read them. Null where not everything was there to be written: then it tells what is. */
function rowsOf({ question, answer, sessionId }: FreedSession & { readonly answer: MessageRow | undefined }) {
  if (question === undefined || answer === undefined || sessionId === undefined) return null;
  return [
    { ...question, session_id: sessionId, answer: answer.answer },
    { ...answer, session_id: sessionId },
  ];
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
