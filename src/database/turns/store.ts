import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { Owner, SavedTurn, SentTurn, Session, SessionReference, TurnStore } from '../../chat';
import { claimAbandoned } from './abandoned';
import { characterOf } from '../characters/links';
import { nowIn } from '../sql/clock';
import { chatNames, chatsNamed, sessionNames, sessionsNamed } from '../sql/sessions-named';
import { selectMessages } from '../messages/rows';
import { readEarlier, saveParent } from './earlier';
import { parseThreads, upstreamOf } from '../sessions/threads';
import { isPending } from '../sql/is-pending';
import { noLock, type ProcessLock } from '../locks/process-lock';
import { toSavedTurn } from './saved';
import { createTurnCheckpoints } from './checkpoints';
import { createTurnEnding } from './ending';
import { createTurnOpening } from './opening';

type Database = Core.Strapi['db'];

/**
 * Creates the store of turns on Strapi's database. It uses plain SQL.
 * The Document Service would cost about thirty times as much per turn.
 */
export function createTurnStore(
  db: Database,
  lock: ProcessLock = noLock,
  { deleteConversations = false }: { readonly deleteConversations?: boolean } = {},
): TurnStore {
  return {
    findSession: (owner, reference) => findSession(db, owner, reference),
    open: createTurnOpening(db, lock),
    findSent: (owner, key) => findSent(db, owner, key),
    findNewestSent: (owner, keyStart) => findNewestSent(db, owner, keyStart),
    ...createTurnCheckpoints(db),
    isTakenOver: (turnId) => isTakenOver(db, turnId),
    keepAlive: (turnIds, takenIds = []) => keepAlive(db, turnIds, takenIds),
    find: (owner, turnId) => find(db, owner, turnId),
    requestStop: (turnId) => requestStop(db, turnId),
    close: createTurnEnding(db),
    continueIn: (turnId, conversationId) => continueIn(db, turnId, { conversationId, deleteConversations }),
    readEarlier: (turn) => readEarlier(db, turn),
    saveParent: (turn, conversationId) => saveParent(db, turn, conversationId),
    findMessageId: (owner, messageId) => findMessageId(db, owner, messageId),
    hasMessage: (messageId) => hasMessage(db, messageId),
    hasTwin: (turnId) => hasTwin(db, turnId),
    claimAbandoned: (abandonment) => claimAbandoned(db, lock, abandonment),
  };
}

async function findSession(db: Database, owner: Owner, reference: SessionReference): Promise<Session | null> {
  const query = db
    .connection('chat_sessions')
    .select('id', 'session_id', 'conversation_id', 'upstream', 'other_threads')
    .select(db.connection.raw(`${characterOf('chat_sessions')} as character_id`))
    .where({ user_id: owner.id, is_deleted: false })
    .orderBy('id', 'desc');
  // A client may send either id in either field. If it sends two, both must match.
  for (const id of [reference.sessionId, reference.conversationId]) {
    if (id !== undefined) void query.whereRaw(`id in (${sessionsNamed})`, sessionNames(id, owner));
  }
  const { chatId } = reference;
  if (chatId !== undefined) void query.whereRaw(`id in (${chatsNamed})`, chatNames(chatId, owner));
  const row = (await query.first()) as SessionRow | undefined;
  if (row === undefined) return null;
  return {
    rowId: row.id,
    sessionId: row.session_id,
    conversationId: row.conversation_id,
    characterId: row.character_id,
    upstreamId: row.upstream,
    otherThreads: parseThreads(row.other_threads),
  };
}

interface SessionRow {
  readonly id: number;
  readonly session_id: string;
  readonly conversation_id: string | null;
  readonly character_id: string | null;
  readonly upstream: string | null;
  readonly other_threads: unknown;
}

async function findSent(db: Database, owner: Owner, key: string): Promise<SentTurn | null> {
  const row = (await db
    .connection('chat_conversations')
    .where({ user_id: owner.id, idempotency_key: key })
    .first('turn_id', 'request_fingerprint')) as { turn_id: string; request_fingerprint: string } | undefined;
  return row === undefined ? null : { turnId: row.turn_id, fingerprint: row.request_fingerprint };
}

async function findNewestSent(db: Database, owner: Owner, keyStart: string): Promise<SavedTurn | null> {
  const row = (await db
    .connection('chat_conversations')
    .where({ user_id: owner.id })
    .whereLike('idempotency_key', `${keyStart}%`)
    .orderBy('id', 'desc')
    .first('turn_id')) as { turn_id: string } | undefined;
  return row === undefined ? null : find(db, owner, row.turn_id);
}

async function isTakenOver(db: Database, turnId: string): Promise<boolean> {
  const row: unknown = await db
    .connection('chat_conversations')
    .where({ turn_id: turnId, role: 'assistant' })
    .whereNotNull('takeovers')
    .first('id');
  return row !== undefined;
}

async function keepAlive(
  db: Database,
  turnIds: readonly string[],
  takenIds: readonly string[],
): Promise<readonly string[]> {
  const all = [...turnIds, ...takenIds];
  const rows = (await db
    .connection('chat_conversations')
    .whereIn('turn_id', all)
    .where((either) => void either.whereNull('takeovers').orWhereIn('turn_id', takenIds))
    .where({ role: 'assistant', outcome: 'pending' })
    // A process of an older release reads only `updated_at`.
    .update({ alive_at: db.connection.raw(nowIn(db)), updated_at: new Date() }, [
      'turn_id',
      'stop_requested',
    ])) as KeptRow[];
  const going = new Set(rows.filter((row) => !row.stop_requested).map((row) => row.turn_id));
  return all.filter((turnId) => !going.has(turnId));
}

interface KeptRow {
  readonly turn_id: string;
  readonly stop_requested: boolean | number | null;
}

async function find(db: Database, owner: Owner, turnId: string): Promise<SavedTurn | null> {
  const own = { 'm.turn_id': turnId, 'm.user_id': owner.id, 'm.is_deleted': false };
  return toSavedTurn(await selectMessages(db).where(own).orderBy('m.id'));
}

async function requestStop(db: Database, turnId: string): Promise<string | null> {
  const pending = { turn_id: turnId, role: 'assistant', outcome: 'pending' };
  await db.connection('chat_conversations').where(pending).update({ stop_requested: true });
  const row = (await db.connection('chat_conversations').where(pending).first('task_id')) as
    { task_id: string | null } | undefined;
  return row?.task_id ?? null;
}

async function continueIn(
  db: Database,
  turnId: string,
  {
    conversationId,
    deleteConversations,
  }: { readonly conversationId: string; readonly deleteConversations: boolean },
): Promise<void> {
  const ofTurn = (column: string | Knex.Raw) =>
    db.connection('chat_conversations').where({ turn_id: turnId, role: 'assistant' }).select(column);
  await db
    .connection('chat_sessions')
    .whereIn('id', ofTurn('session_id'))
    .whereRaw(`${upstreamOf()} = ?`, [ofTurn(db.connection.raw(upstreamOf())).limit(1)])
    .where({ conversation_id: null, live_turn_id: null, ...(deleteConversations && { is_deleted: false }) })
    .update({ conversation_id: conversationId });
}

/** Compares Dify's conversation id. Two turns without an id both wait for a new conversation and count as equal. */
async function hasTwin(db: Database, turnId: string): Promise<boolean> {
  const row: unknown = await db.connection
    .from({ own: 'chat_conversations' })
    .join({ other: 'chat_conversations' }, (join) => {
      join.on('other.user_id', 'own.user_id').on('other.query', 'own.query');
    })
    .where({ 'own.turn_id': turnId, 'own.role': 'assistant' })
    .whereIn('other.id', db.connection('chat_conversations').whereRaw(isPending).select('id'))
    .whereNull('other.task_id')
    .whereNot('other.turn_id', turnId)
    .whereRaw('other.conversation_id is not distinct from own.conversation_id')
    .whereRaw(`${upstreamOf('other')} = ${upstreamOf('own')}`)
    .first('other.id');
  return row !== undefined;
}

async function findMessageId(db: Database, owner: Owner, messageId: string): Promise<number | null> {
  const own = { user_id: owner.id, message_id: messageId, is_deleted: false };
  const row = (await db.connection('chat_conversations').where(own).first('id')) as
    { readonly id: number } | undefined;
  return row?.id ?? null;
}

async function hasMessage(db: Database, messageId: string): Promise<boolean> {
  const row: unknown = await db.connection('chat_conversations').where({ message_id: messageId }).first('id');
  return row !== undefined;
}
