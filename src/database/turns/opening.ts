import type { Core } from '@strapi/strapi';

import { ChatError, type NewTurn, type TurnStore } from '../../chat';
import { nowIn } from '../sql/clock';
import { isUniqueViolation } from '../sql/errors';
import { inGroups } from '../sql/group-commit';
import { insertRows, toInsertion, type Row } from '../sql/insert-rows';
import { toJsonColumn } from '../sql/json-column';
import type { ProcessLock } from '../locks/process-lock';
import { hasChatName } from '../sessions/chat-names';
import { claimSession } from '../sessions/claims';
import type { RunStatement } from '../sql/statements';

type Database = Core.Strapi['db'];

const sessionUid = 'api::chat-session.chat-session';
const messageUid = 'api::chat-conversation.chat-conversation';

/** Saves questions and their pending answers in the sessions that they begin or claim. */
export function createTurnOpening(db: Database, lock: ProcessLock): TurnStore['open'] {
  const open = createWriting(db, createMessageRows(db, lock));
  return async (turn) => {
    try {
      return await open(turn);
    } catch (error) {
      // If the connection breaks during COMMIT, the turn may be saved. A failed batch also writes each turn again.
      if (!(error instanceof ChatError) && (await isOpen(db, turn))) return true;
      if (isUniqueViolation(error) && (await isNameTaken(db, turn))) return false;
      throw error;
    }
  };
}

function createWriting(db: Database, messages: MessageRows): TurnStore['open'] {
  const open = inGroups<NewTurn, boolean>(db, (statement, turns) => openEach(db, statement, turns, messages));
  if (db.dialect.client !== 'postgres') return open;
  const openWithSession = inGroups<TurnOfNewSession, boolean>(
    db,
    (statement, turns) => openInNewSessions(db, statement, turns, messages),
    { isOneStatement: true },
  );
  return (turn) => (beginsSession(turn) ? openWithSession(turn) : open(turn));
}

/** Returns whether the turn is saved. Returns false if this query fails too. */
async function isOpen(db: Database, { turnId }: NewTurn): Promise<boolean> {
  const rows = db.connection('chat_conversations').where({ turn_id: turnId });
  return rows.first('id').then(
    (row: unknown) => row !== undefined,
    () => false,
  );
}

/** Returns whether another session of the owner has the name of the new session of this turn. */
async function isNameTaken(db: Database, { session, owner }: NewTurn): Promise<boolean> {
  if (session.rowId !== null || session.chatName === undefined) return false;
  return hasChatName(db, owner, session.chatName);
}

async function openEach(
  db: Database,
  statement: RunStatement,
  turns: readonly NewTurn[],
  messages: MessageRows,
): Promise<boolean[]> {
  const rows: Row[] = [];
  const results: boolean[] = [];
  for (const turn of turns) {
    const rowId = beginsSession(turn)
      ? await beginSession(db, statement, turn)
      : await enterSession(statement, turn);
    if (rowId !== null) rows.push(...messages.of(turn, rowId));
    results.push(rowId !== null);
  }
  if (rows.length > 0) await insertRows(db, statement, messageUid, rows, messages.expressions);
  return results;
}

/** Claims the session that the turn continues. @returns its row id, or null if the session has changed meanwhile. */
async function enterSession(statement: RunStatement, turn: NewTurn): Promise<number | null> {
  const { session, supersedes } = turn;
  if (session.rowId === null || !(await claimSession(statement, turn, session))) return null;
  if (supersedes !== null) await supersede(statement, turn, supersedes, session.rowId);
  return session.rowId;
}

type TurnOfNewSession = NewTurn & { readonly session: Extract<NewTurn['session'], { rowId: null }> };

const beginsSession = (turn: NewTurn): turn is TurnOfNewSession => turn.session.rowId === null;

/**
 * Opens turns in new sessions with one round trip to PostgreSQL.
 * Four round trips took most of the time until the first event.
 * SQLite does not support such a statement, and it has no round trips.
 */
async function openInNewSessions(
  db: Database,
  statement: RunStatement,
  turns: readonly TurnOfNewSession[],
  messages: MessageRows,
): Promise<boolean[]> {
  const sessions = toInsertion(db, sessionUid, turns.map(sessionRow));
  const lines = toInsertion(
    db,
    messageUid,
    turns.flatMap((turn) => messages.of(turn, turn.turnId)),
    { ...messages.expressions, session_id: '(select id from begun where live_turn_id = ?)' },
  );
  await statement({
    sql: `with begun as (${sessions.sql} returning id, live_turn_id) ${lines.sql}`,
    values: [...sessions.values, ...lines.values],
  });
  return turns.map(() => true);
}

/** Inserts the session of a turn. @returns its row id. */
async function beginSession(db: Database, statement: RunStatement, turn: TurnOfNewSession): Promise<number> {
  const { sql, values } = toInsertion(db, sessionUid, [sessionRow(turn)]);
  const [row] = await statement<{ readonly id: number }>({ sql: `${sql} returning id`, values });
  return Number(row?.id);
}

function sessionRow({ session, thread, owner, characterId, turnId, createdAt }: TurnOfNewSession) {
  return {
    session_id: session.sessionId,
    chat_name: session.chatName ?? null,
    upstream: thread.upstreamId,
    conversation_id: thread.conversationId,
    title: session.title,
    user_id: owner.id,
    ai_character_document_id: characterId,
    message_count: 2,
    last_message_at: createdAt,
    live_turn_id: turnId,
    created_at: createdAt,
    updated_at: createdAt,
  };
}

/** Marks messages as superseded, also deleted ones: a restored message must not become current again. */
async function supersede(
  statement: RunStatement,
  { owner, turnId, isRepeat }: NewTurn,
  since: number,
  sessionRowId: number,
): Promise<void> {
  await statement({
    sql: `update chat_conversations set is_superseded = ?, superseded_by = ?
     where session_id = ? and user_id = ? and id >= ? and not coalesce(is_superseded, false)`,
    values: [true, isRepeat ? turnId : null, sessionRowId, owner.id, since],
  });
}

/** Creates the rows of a turn's question and answer. */
interface MessageRows {
  /** @param session the row id of the session, or the value for the SQL expression of `session_id`. */
  of(turn: NewTurn, session: number | string): readonly Row[];
  /** See `toInsertion`. */
  readonly expressions: Readonly<Record<string, string>>;
}

function createMessageRows(db: Database, lock: ProcessLock): MessageRows {
  return {
    of: (turn, session) => messageRows(turn, session, lock.holder()),
    // Only the answer has `alive_at`, because only its row keeps the turn's lease.
    expressions: { alive_at: `case when ? = 1 then ${nowIn(db)} end` },
  };
}

/**
 * Returns the rows of a turn. The spread of the common columns must be last.
 * If a property follows a spread, V8 (Node 20) creates new hidden classes for each object.
 * Only a full garbage collection frees that memory. These rows have the most columns to add.
 */
function messageRows(turn: NewTurn, session: number | string, holder: string | null): readonly Row[] {
  const common = {
    query: turn.query,
    conversation_id: turn.thread.conversationId,
    upstream: turn.thread.upstreamId,
    session_id: session,
    turn_id: turn.turnId,
    ai_character_document_id: turn.characterId,
    user_id: turn.owner.id,
    created_at: turn.createdAt,
    updated_at: turn.createdAt,
  };
  const question = {
    role: 'user',
    message_id: turn.questionMessageId,
    parent_message_id: turn.regenerates,
    files: turn.files.length === 0 ? null : toJsonColumn(turn.files),
    idempotency_key: turn.idempotency?.key ?? null,
    request_fingerprint: turn.idempotency?.fingerprint ?? null,
    ...common,
  };
  const answer = {
    role: 'assistant',
    message_id: turn.answerMessageId,
    answer: '',
    outcome: 'pending',
    held_by: holder,
    alive_at: 1,
    parent_message_id: turn.questionMessageId,
    model: turn.thread.model,
    character_version: turn.characterVersion,
    thread_restarted: turn.thread.isRestarted,
    ...common,
  };
  return [question, answer];
}
