import { randomUUID } from 'node:crypto';

import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import {
  ChatError,
  newMessageId,
  type After,
  type Message,
  type MessageRange,
  type MessageReference,
  type NewMessage,
  type NewSessionEntry,
  type Owner,
  type SessionEntry,
  type SessionFilter,
  type SessionRange,
  type SessionStore,
  toUpstreamUser,
} from '../../chat';
import { characterColumn, characterNamed, characterOf } from '../characters/links';
import { countUpToFew, fewRows } from '../reader/few-rows';
import { isUniqueViolation } from '../sql/errors';
import { toJsonColumn } from '../sql/json-column';
import { countMessage, lockSession, touchSession } from '../messages/count';
import { copyQuestion } from '../messages/question';
import { isSuperseded, messagesAlone, selectMessages, toMessage, type MessageRow } from '../messages/rows';
import type { Reader } from '../reader/reader';
import { chatNames, chatsNamed, sessionNames, sessionsNamed } from '../sql/sessions-named';
import { listAnswers, listWithCharacter } from './character-pages';
import { dropTakenName } from './chat-names';
import { selectSessions, toSessionEntry, type SessionRow } from './rows';
import { conversationsOf, threadColumns, type ThreadColumns } from './threads';
import { noteUnneeded } from './unneeded-conversations';
import { inTransaction } from '../sql/transaction';

type Database = Core.Strapi['db'];

/** Creates the store of sessions on Strapi's database. One statement reads a page and its total, up to `fewRows`. */
export function createSessionStore(
  db: Database,
  reader: Reader,
  { deleteConversations }: { readonly deleteConversations: boolean },
): SessionStore {
  return {
    create: (owner, session) => create(db, owner, session),
    findLatestOrCreate: (owner, session) => findLatestOrCreate(db, owner, session),
    list: (owner, range, signal) => list(db, reader, owner, { ...range, signal }),
    listWithCharacter: (owner, range) => listWithCharacter(db, reader, owner, range),
    find: (owner, id) => find(db, owner, sessionsNamed, sessionNames(id, owner)),
    findChat: (owner, id) => find(db, owner, chatsNamed, chatNames(id, owner)),
    async rename(owner, sessionId, title) {
      const count = await own(db, owner, sessionId).update({ title, updated_at: new Date() });
      return count > 0;
    },
    deleteSession: (owner, id, at, liveTurnId) =>
      deleteSession(db, owner, { sessionId: id, at, liveTurnId, deleteConversations }),
    restoreSession: (owner, id, since) => restoreSession(db, owner, id, since),
    listMessages: (owner, session, range) => listMessages(db, reader, owner, { ...range, session }),
    countCurrentMessages: (owner, session, signal) =>
      countCurrentMessages(db, reader, owner, { session, signal }),
    listMessagesAfter: (owner, session, after) => listMessagesAfter(db, reader, owner, { ...after, session }),
    listAnswers: (owner, session, range) => listAnswers(db, reader, owner, { ...range, session }),
    findMessage: (owner, reference) => findMessage(db, owner, reference),
    addMessage: (owner, session, message) => addMessage(db, owner, session, message),
    editQuestion: (owner, question, content) => editQuestion(db, owner, question, content),
    deleteMessage: (owner, message, at) => deleteMessage(db, owner, message, at),
    restoreMessage: (owner, reference, since) => restoreMessage(db, owner, reference, since),
  };
}

function own(db: Database, owner: Owner, sessionId: string): Knex.QueryBuilder {
  return db.connection('chat_sessions').where(ownSession(owner, sessionId)) as Knex.QueryBuilder;
}

function ownSession(owner: Owner, sessionId: string) {
  return { session_id: sessionId, user_id: owner.id, is_deleted: false };
}

async function create(db: Database, owner: Owner, session: NewSessionEntry): Promise<SessionEntry | null> {
  try {
    return await insert(db, owner, session);
  } catch (error) {
    if (session.sessionId !== undefined && isUniqueViolation(error)) return null;
    throw error;
  }
}

async function insert(db: Database, owner: Owner, session: NewSessionEntry): Promise<SessionEntry> {
  const now = new Date();
  const { sessionId = randomUUID(), title, characterId } = session;
  const { ids } = await db.query('api::chat-session.chat-session').createMany({
    data: [
      {
        session_id: sessionId,
        title,
        user: owner.id,
        ai_character_document_id: characterId,
        message_count: 0,
        last_message_at: now,
        createdAt: now,
        updatedAt: now,
      },
    ],
  });
  const times = { lastMessageAt: now, createdAt: now, updatedAt: now };
  const rest = { messageCount: 0, conversationId: null, upstreamId: null, liveTurnId: null };
  return { rowId: Number(ids[0]), sessionId, title, characterId, ...rest, ...times };
}

async function findLatestOrCreate(
  db: Database,
  owner: Owner,
  session: NewSessionEntry,
): Promise<SessionEntry> {
  return inTransaction(db, async (trx) => {
    // Requests of one user run one by one, so that two of them do not create two sessions.
    // PostgreSQL needs this lock. SQLite has only one connection. The lock does not block inserts of the user's rows.
    await db.connection('up_users').transacting(trx).where({ id: owner.id }).forNoKeyUpdate().first('id');
    const row = (await latestFirst(selectSessions(db).transacting(trx))
      .where({ user_id: owner.id, is_deleted: false })
      .first()) as SessionRow | undefined;
    return row === undefined ? insert(db, owner, session) : toSessionEntry(row);
  });
}

function latestFirst(sessions: Knex.QueryBuilder): Knex.QueryBuilder {
  return sessions.orderBy([
    { column: 'last_message_at', order: 'desc' },
    { column: 'id', order: 'desc' },
  ]);
}

async function list(
  db: Database,
  reader: Reader,
  owner: Owner,
  { limit, offset, character, signal }: SessionRange & { readonly signal: AbortSignal | undefined },
) {
  const all = () => selected(db, owner, { character });
  // With a filter, even a short page can pass many rows.
  const isShort = character === undefined && offset + limit <= fewRows;
  const page = latestFirst(all())
    .select('s.*', db.connection.raw(`${characterOf('s')} as character_id`))
    .limit(limit)
    .offset(offset) as unknown as Knex.QueryBuilder<SessionPageRow, SessionPageRow[]>;
  if (isShort)
    void page.select(db.connection.raw(`(${countUpToFew('chat_sessions')}) as few`, [owner.id, false]));
  const rows = isShort
    ? await page
    : await reader.rows<SessionPageRow>(owner, page, { signal, interruptedAt: 's.id' });
  // A page after the last one has no row, so it has no total.
  const few = Number(rows[0]?.few ?? Infinity);
  const total = few <= fewRows ? few : await countAll();
  return { sessions: rows.map(toSessionEntry), total };

  async function countAll(): Promise<number> {
    const select = all().count({ count: 's.id' });
    const interrupted = character === undefined ? {} : { interruptedAt: 's.id' };
    const [row] = await reader.rows<CountRow>(owner, select, { signal, ...interrupted });
    return Number(row?.count ?? 0);
  }
}

/** Selects the owner's sessions, as `s`. */
function selected(db: Database, owner: Owner, { character }: SessionFilter): Knex.QueryBuilder {
  const sessions = db.connection.from({ s: 'chat_sessions' });
  void sessions.where({ 's.user_id': owner.id, 's.is_deleted': false });
  if (character === undefined) return sessions;
  const { sql, value } = characterNamed(character);
  return sessions.whereRaw(`${characterColumn(db, 's')} = ${sql}`, [value]);
}

type SessionPageRow = SessionRow & { readonly few?: number | string };

/** Finds the session that `named` selects. Of several sessions in one conversation, the newest counts. */
async function find(
  db: Database,
  owner: Owner,
  named: string,
  names: readonly (string | number)[],
): Promise<SessionEntry | null> {
  const row = (await selectSessions(db)
    .where({ user_id: owner.id, is_deleted: false })
    .whereRaw(`id in (${named})`, [...names])
    .orderBy('id', 'desc')
    .first()) as SessionRow | undefined;
  return row === undefined ? null : toSessionEntry(row);
}

interface SessionDeletion {
  readonly sessionId: string;
  readonly at: Date;
  readonly liveTurnId: string | null;
  /** Whether Dify must delete the conversation, too. */
  readonly deleteConversations: boolean;
}

interface DeletedSessionRow extends ThreadColumns {
  readonly id: number;
  readonly live_turn_id: string | null;
}

async function deleteSession(
  db: Database,
  owner: Owner,
  { sessionId, at, liveTurnId, deleteConversations }: SessionDeletion,
): Promise<boolean | null> {
  return inTransaction(db, async (trx) => {
    const row = (await own(db, owner, sessionId)
      .transacting(trx)
      .forNoKeyUpdate()
      .first('id', 'live_turn_id', ...threadColumns)) as DeletedSessionRow | undefined;
    if (row === undefined) return null;
    if (row.live_turn_id !== null && row.live_turn_id !== liveTurnId) return false;
    const deleted = { is_deleted: true, deleted_at: at };
    // If the session is restored, its next question begins a new conversation. Without the claim, the end of a turn
    // that still runs does not give the session its conversation back.
    const parted = deleteConversations && { conversation_id: null, other_threads: null, live_turn_id: null };
    await own(db, owner, sessionId)
      .transacting(trx)
      .update({ ...deleted, ...parted });
    const messages = db.connection('chat_conversations').transacting(trx);
    await messages.where({ session_id: row.id, is_deleted: false }).update(deleted);
    if (deleteConversations) await noteUnneeded(db, trx, conversationsOf(row, toUpstreamUser(owner)));
    return true;
  });
}

/** Restores a session with the messages that were deleted at the same time. Messages deleted before stay deleted. */
async function restoreSession(db: Database, owner: Owner, id: string, since: Date): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const row = (await db
      .connection('chat_sessions')
      .transacting(trx)
      .where({ user_id: owner.id, is_deleted: true })
      .whereRaw(`id in (${sessionsNamed})`, sessionNames(id, owner))
      .where('deleted_at', '>=', since)
      .orderBy('id', 'desc')
      .first('id', 'deleted_at')) as { id: number; deleted_at: Date | number | string } | undefined;
    if (row === undefined) return false;
    await dropTakenName(db, trx, row.id);
    const restored = { is_deleted: false, deleted_at: null };
    const sessions = db.connection('chat_sessions').transacting(trx);
    const count = await sessions.where({ id: row.id, is_deleted: true }).update(restored);
    const messages = db.connection('chat_conversations').transacting(trx);
    await messages.where({ session_id: row.id, deleted_at: new Date(row.deleted_at) }).update(restored);
    return count > 0;
  });
}

async function listMessages(
  db: Database,
  reader: Reader,
  owner: Owner,
  { session, limit, offset, newestFirst, withSuperseded, signal }: MessageRange & { session: SessionEntry },
): Promise<readonly Message[]> {
  const ofSession = { 'm.session_id': session.rowId, 'm.is_deleted': false };
  const messages = selectMessages(db).where(ofSession);
  if (!withSuperseded) void messages.whereRaw(`not ${isSuperseded}`);
  void messages
    .orderBy('m.id', newestFirst ? 'desc' : 'asc')
    .limit(limit)
    .offset(offset);
  const passed = withSuperseded ? offset + limit : session.messageCount;
  const rows =
    passed <= fewRows
      ? await messages
      : await reader.rows<MessageRow>(owner, messages, { signal, interruptedAt: 'm.id' });
  return rows.map(toMessage);
}

async function countCurrentMessages(
  db: Database,
  reader: Reader,
  owner: Owner,
  { session, signal }: { readonly session: SessionEntry; readonly signal: AbortSignal | undefined },
): Promise<number> {
  const select = messagesAlone(db)
    .where({ 'm.session_id': session.rowId, 'm.is_deleted': false })
    .whereRaw(`not ${isSuperseded}`)
    .count({ count: '*' }) as Knex.QueryBuilder<CountRow, CountRow[]>;
  const [row] =
    session.messageCount <= fewRows
      ? await select
      : await reader.rows<CountRow>(owner, select, { signal, interruptedAt: 'm.id' });
  return Number(row?.count ?? 0);
}

interface CountRow {
  readonly count: number | string;
}

async function listMessagesAfter(
  db: Database,
  reader: Reader,
  owner: Owner,
  { session, id, limit }: After & { readonly session: SessionEntry },
): Promise<readonly Message[]> {
  const ofSession = { 'm.session_id': session.rowId, 'm.is_deleted': false };
  const page = selectMessages(db).where(ofSession).where('m.id', '>', id).orderBy('m.id').limit(limit);
  return (await reader.rows<MessageRow>(owner, page)).map(toMessage);
}

async function findMessage(db: Database, owner: Owner, reference: MessageReference): Promise<Message | null> {
  const named = { 'm.user_id': owner.id, 'm.is_deleted': false, ...toColumn(reference, 'm.') };
  const [row] = await selectMessages(db).where(named).limit(1);
  return row === undefined ? null : toMessage(row);
}

function toColumn(reference: MessageReference, prefix = ''): Readonly<Record<string, unknown>> {
  return 'id' in reference
    ? { [`${prefix}id`]: reference.id }
    : { [`${prefix}message_id`]: reference.messageId };
}

async function addMessage(
  db: Database,
  owner: Owner,
  session: SessionEntry,
  { role, content, toolCalls }: NewMessage,
): Promise<Message> {
  const now = new Date();
  const messageId = newMessageId();
  const text = role === 'user' ? { query: content } : { query: '', answer: content };
  await inTransaction(db, async (trx) => {
    if (!(await countMessage(db, trx, session.rowId, 1, { last_message_at: now }))) {
      throw new ChatError('session-not-found');
    }
    await db.query('api::chat-conversation.chat-conversation').createMany({
      data: [
        {
          ...text,
          message_id: messageId,
          role,
          tool_calls: toJsonColumn(toolCalls),
          outcome: role === 'assistant' ? 'completed' : undefined,
          conversation_id: session.conversationId,
          upstream: session.upstreamId,
          session: session.rowId,
          ai_character_document_id: session.characterId,
          user: owner.id,
          createdAt: now,
          updatedAt: now,
        },
      ],
    });
  });
  const message = await findMessage(db, owner, { messageId });
  if (message === null) throw new Error(`Message ${messageId} was not saved.`);
  return message;
}

async function editQuestion(db: Database, owner: Owner, question: Message, content: string): Promise<void> {
  const changed = { query: content, updated_at: new Date() };
  await inTransaction(db, async (trx) => {
    const messages = () => db.connection('chat_conversations').transacting(trx).where({ user_id: owner.id });
    const row = (await messages().where({ id: question.id }).first('session_id')) as
      { session_id: number | null } | undefined;
    if (row !== undefined && row.session_id !== null) await touchSession(db, trx, row.session_id);
    const count = await messages().where({ id: question.id, is_deleted: false }).update(changed);
    if (count === 0) throw new ChatError('message-not-found');
    if (question.turnId !== null) {
      await messages().where({ turn_id: question.turnId, role: 'assistant' }).update(changed);
    }
    if (row === undefined || row.session_id === null) return;
    await messages()
      .where({ session_id: row.session_id, role: 'assistant' })
      .where('id', '>', question.id)
      .update({ is_superseded: true, superseded_by: null });
  });
}

async function deleteMessage(db: Database, owner: Owner, message: Message, at: Date): Promise<void> {
  await setDeleted(db, { id: message.id, user_id: owner.id, is_deleted: false }, at);
}

async function restoreMessage(
  db: Database,
  owner: Owner,
  reference: MessageReference,
  since: Date,
): Promise<boolean> {
  const row = (await db
    .connection('chat_conversations as m')
    .leftJoin({ s: 'chat_sessions' }, 's.id', 'm.session_id')
    .where({ 'm.user_id': owner.id, 'm.is_deleted': true, ...toColumn(reference, 'm.') })
    .where('m.deleted_at', '>=', since)
    // A message of a deleted session is restored only with its session.
    .where((either) => void either.whereNull('s.id').orWhere('s.is_deleted', false))
    .first('m.id')) as { id: number } | undefined;
  return row !== undefined && setDeleted(db, { id: row.id, is_deleted: true }, null);
}

interface DeletedRow {
  readonly id: number;
  readonly session_id: number | null;
  readonly role: Message['role'];
  readonly turn_id: string | null;
}

/** Deletes or restores a message. @returns whether a row matched `where`; only then its session's count changes. */
async function setDeleted(
  db: Database,
  where: Readonly<Record<string, unknown>>,
  at: Date | null,
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const messages = () => db.connection('chat_conversations').transacting(trx);
    const row = (await messages().where(where).first('id', 'session_id', 'role', 'turn_id')) as
      DeletedRow | undefined;
    if (row === undefined) return false;
    if (row.session_id !== null) await lockSession(db, trx, row.session_id);
    const count = await messages()
      .where({ ...where, id: row.id })
      .update({ is_deleted: at !== null, deleted_at: at });
    if (count === 0) return false;
    const isCounted =
      row.session_id === null || (await countMessage(db, trx, row.session_id, at === null ? 1 : -1));
    // The session is deleted now. Its messages are restored only with it.
    if (at === null && !isCounted) throw new ChatError('message-not-found');
    if (row.role === 'user' && row.turn_id !== null) await copyQuestion(db, trx, row.turn_id);
    return true;
  });
}
