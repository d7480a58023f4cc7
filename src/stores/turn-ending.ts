import type { Core } from '@strapi/strapi';

import { ChatError, type TurnEnding, type TurnStore } from '../chat';
import { withFreeMessageId } from './free-message-id';
import { withGivenRows } from './given-rows';
import { inGroups } from './group-commit';
import { toJsonColumn } from './json-column';
import { messageColumns, selectMessages, type MessageRow } from './message-rows';
import { toSavedTurn } from './saved-turns';
import { freeSessions } from './session-claims';
import type { RunStatement } from './statements';

type Database = Core.Strapi['db'];

interface EndingTurn extends TurnEnding {
  readonly turnId: string;
}

/** The two rows of a turn, the question first. Null where not everything was there to be written. */
type EndedRows = readonly [MessageRow, MessageRow] | null;

/** The ends of turns, which free their sessions. */
export function createTurnEnding(db: Database): TurnStore['close'] {
  const end = inGroups<EndingTurn, EndedRows>(db, (statement, turns) => endTurns(db, statement, turns));
  return async (turnId, ending) => {
    const rows = await withFreeMessageId({ turnId, ...ending }, end);
    const saved = toSavedTurn(rows ?? (await selectMessages(db).where('m.turn_id', turnId).orderBy('m.id')));
    if (saved === null) throw new ChatError('turn-not-found');
    return saved;
  };
}

async function endTurns(
  db: Database,
  statement: RunStatement,
  turns: readonly EndingTurn[],
): Promise<readonly EndedRows[]> {
  const now = new Date();
  const answers = byTurn(await endAnswers(db, statement, turns, now));
  // Also where nothing was pending any more: somebody may have deleted the answer meanwhile.
  const questions = byTurn(await nameConversations(statement, turns, now));
  const sessions = new Map(
    (await freeSessions(statement, turns, now)).map(({ id, session_id }) => [id, session_id]),
  );
  return turns.map(({ turnId }) => {
    const [question, answer] = [questions.get(turnId), answers.get(turnId)];
    const session_id = sessions.get(question?.session_row_id ?? 0);
    if (question === undefined || answer === undefined || session_id === undefined) return null;
    // As `selectMessages` would read them.
    return [
      { ...question, session_id, answer: answer.answer },
      { ...answer, session_id },
    ];
  });
}

type WrittenRow = Omit<MessageRow, 'session_id'> & { readonly session_row_id: number | null };

const written = `${messageColumns.join(', ')}, session_id as session_row_id`;

function byTurn(rows: readonly WrittenRow[]): ReadonlyMap<string | null, WrittenRow> {
  return new Map(rows.map((row) => [row.turn_id, row]));
}

/**
 * A final state never changes: only a pending answer is written to. A stop that another process was asked for makes a
 * stopped turn of whatever the answer came to. With its end, and never otherwise, a turn becomes due to be copied to the
 * history.
 */
async function endAnswers(
  db: Database,
  statement: RunStatement,
  turns: readonly EndingTurn[],
  now: Date,
): Promise<readonly WrittenRow[]> {
  const usage = db.dialect.client === 'postgres' ? 'cast(given.column8 as jsonb)' : 'given.column8';
  return withGivenRows<WrittenRow>(
    statement,
    `update chat_conversations set answer = given.column2,
       task_id = coalesce(given.column3, task_id),
       conversation_id = coalesce(given.column4, conversation_id),
       message_id = coalesce(given.column5, message_id),
       outcome = case when stop_requested then 'stopped' else given.column6 end,
       error_code = case when stop_requested then null else given.column7 end,
       usage = ${usage}, ended_at = ?, history_due = ?, updated_at = ?
     from $given
     where turn_id = given.column1 and role = 'assistant' and outcome = 'pending'
     returning ${written}`,
    turns.map((turn) => [
      turn.turnId,
      turn.answer,
      turn.taskId ?? null,
      turn.conversationId ?? null,
      turn.messageId ?? null,
      turn.outcome,
      turn.errorCode,
      toJsonColumn(turn.usage),
    ]),
    [now, now, now],
  );
}

/** Gives the questions the conversation that Dify has named. */
async function nameConversations(
  statement: RunStatement,
  turns: readonly EndingTurn[],
  now: Date,
): Promise<readonly WrittenRow[]> {
  return withGivenRows<WrittenRow>(
    statement,
    `update chat_conversations
     set conversation_id = coalesce(given.column2, conversation_id), updated_at = ?
     from $given where turn_id = given.column1 and role = 'user' returning ${written}`,
    turns.map(({ turnId, conversationId }) => [turnId, conversationId ?? null]),
    [now],
  );
}
