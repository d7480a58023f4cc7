import type { Core } from '@strapi/strapi';

import { ChatError, type NewTurn, type TurnStore } from '../../chat';
import { nowIn } from '../sql/clock';
import { inGroups } from '../sql/group-commit';
import { insertRows, toInsertion, type Row } from '../sql/insert-rows';
import type { ProcessLock } from '../locks/process-lock';
import { claimSession } from '../sessions/claims';
import type { RunStatement } from '../sql/statements';

type Database = Core.Strapi['db'];

const sessionUid = 'api::chat-session.chat-session';
const messageUid = 'api::chat-conversation.chat-conversation';

/** Questions and their pending answers, in the sessions they begin or claim. */
export function createTurnOpening(db: Database, lock: ProcessLock): TurnStore['open'] {
  const open = createWriting(db, createMessageRows(db, lock));
  return async (turn) => {
    try {
      return await open(turn);
    } catch (error) {
      // A connection that breaks at the COMMIT leaves open whether it counted; of a group, each was written once more.
      if (!(error instanceof ChatError) && (await isOpen(db, turn))) return true;
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

/** False where that cannot be asked, either. */
async function isOpen(db: Database, { turnId }: NewTurn): Promise<boolean> {
  const rows = db.connection('chat_conversations').where({ turn_id: turnId });
  return rows.first('id').then(
    (row: unknown) => row !== undefined,
    () => false,
  );
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

/** @returns the row of the session the turn continues; null where that is no longer as it was read. */
async function enterSession(statement: RunStatement, turn: NewTurn): Promise<number | null> {
  const { session, supersedes } = turn;
  if (session.rowId === null || !(await claimSession(statement, turn, session))) return null;
  if (supersedes !== null) await supersede(statement, turn, supersedes, session.rowId);
  return session.rowId;
}

type TurnOfNewSession = NewTurn & { readonly session: Extract<NewTurn['session'], { rowId: null }> };

const beginsSession = (turn: NewTurn): turn is TurnOfNewSession => turn.session.rowId === null;

/**
 * One message to the server and back, where four cost most of what the first event waits for. SQLite knows no such
 * statement, and has no messages to spare.
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

/** @returns its row. */
async function beginSession(db: Database, statement: RunStatement, turn: TurnOfNewSession): Promise<number> {
  const { sql, values } = toInsertion(db, sessionUid, [sessionRow(turn)]);
  const [row] = await statement<{ readonly id: number }>({ sql: `${sql} returning id`, values });
  return Number(row?.id);
}

function sessionRow({ session, owner, characterId, turnId, createdAt }: TurnOfNewSession) {
  return {
    session_id: session.sessionId,
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

/** Deleted lines too: one that is restored comes back where it was. */
async function supersede(
  statement: RunStatement,
  { owner }: NewTurn,
  since: number,
  sessionRowId: number,
): Promise<void> {
  await statement({
    sql: 'update chat_conversations set is_superseded = ? where session_id = ? and user_id = ? and id >= ?',
    values: [true, sessionRowId, owner.id, since],
  });
}

/** How the rows of a turn's question and answer are made. */
interface MessageRows {
  /** @param session its row, or what stands for it. */
  of(turn: NewTurn, session: number | string): readonly Row[];
  /** See `toInsertion`. */
  readonly expressions: Readonly<Record<string, string>>;
}

function createMessageRows(db: Database, lock: ProcessLock): MessageRows {
  return {
    of: (turn, session) => messageRows(turn, session, lock.holder()),
    // Of the answer only, whose row says that it is alive.
    expressions: { alive_at: `case when ? = 1 then ${nowIn(db)} end` },
  };
}

/**
 * What both have in common stands last: where V8 copies an object by a spread and then adds to it, every such object gets
 * hidden classes of its own (Node 20), memory that only a full collection frees. Rows have the most columns to add.
 */
function messageRows(turn: NewTurn, session: number | string, holder: string | null): readonly Row[] {
  const common = {
    query: turn.query,
    conversation_id: turn.session.conversationId,
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
    ...common,
  };
  return [question, answer];
}
