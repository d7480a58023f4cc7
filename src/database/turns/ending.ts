import type { Core } from '@strapi/strapi';

import { ChatError, type TurnEnding, type TurnStore } from '../../chat';
import { characterOf } from '../characters/links';
import { freeMessageId, withFreeMessageId } from '../messages/free-id';
import { toGiven } from '../sql/given-rows';
import { inGroups } from '../sql/group-commit';
import { toJsonColumn } from '../sql/json-column';
import { messageColumns, selectMessages, type MessageRow } from '../messages/rows';
import { isAnswerSuperseded, isQuestionSuperseded, isWithoutText, toRestore } from './places';
import { toSavedTurn } from './saved';
import { toFreeing, type FreedSession } from '../sessions/claims';
import type { RunStatement, Statement } from '../sql/statements';

type Database = Core.Strapi['db'];

interface EndingTurn extends TurnEnding {
  readonly turnId: string;
  readonly takeovers: number;
}

/** The two rows of a turn, the question first. Null if a row or the claim of the session did not exist. */
type EndedRows = readonly [MessageRow, MessageRow] | null;

/** Saves the ends of turns and frees their sessions. */
export function createTurnEnding(db: Database): TurnStore['close'] {
  const isPostgres = db.dialect.client === 'postgres';
  const run: RunEnding = isPostgres ? runAsOne : runOneByOne;
  const end = inGroups<EndingTurn, EndedRows>(
    db,
    async (statement, turns) => toEndedRows(turns, await run(statement, toEnding(turns, isPostgres))),
    { isOneStatement: isPostgres },
  );
  return async (turnId, ending, takeovers = 0) => {
    const rows = await withFreeMessageId({ turnId, takeovers, ...ending }, end);
    const saved = toSavedTurn(rows ?? (await selectMessages(db).where('m.turn_id', turnId).orderBy('m.id')));
    if (saved === null) throw new ChatError('turn-not-found');
    return saved;
  };
}

/** The statements that save the ends of turns. The first two return the columns of `written`. */
interface Ending {
  readonly answers: Statement;
  readonly questions: Statement;
  readonly sessions: Statement;
  /** The turns that give their place back if they are repeats. */
  readonly withoutText: readonly string[];
}

type WrittenRow = Omit<MessageRow, 'session_id'> & { readonly session_row_id: number | null };

const written = `${messageColumns.join(', ')}, session_id as session_row_id,
  ${characterOf('chat_conversations')} as character_id`;

function toEnding(turns: readonly EndingTurn[], isPostgres: boolean): Ending {
  const now = new Date();
  const isTurn = isPostgres ? isTurnOfFreed : isGivenTurn;
  return {
    answers: toEndAnswers(turns, now, { isTurn, isPostgres }),
    // This runs even if no answer is pending, because somebody may have deleted the answer meanwhile.
    questions: toNameConversations(turns, now, isTurn),
    sessions: toFreeing(turns, now),
    withoutText: turns.filter(isWithoutText).map(({ turnId }) => turnId),
  };
}

/**
 * Runs the statements. Returns the written rows in the form of `selectMessages`.
 * A row has its public session id only if its session was freed.
 */
type RunEnding = (statement: RunStatement, ending: Ending) => Promise<readonly MessageRow[]>;

async function runOneByOne(
  statement: RunStatement,
  { answers, questions, sessions, withoutText }: Ending,
): Promise<readonly MessageRow[]> {
  // The questions come first, because a question that gives its place back has a pending answer.
  const named = await statement<WrittenRow>(questions);
  const ended = await statement<WrittenRow>(answers);
  const endedIds = new Set(ended.map(({ turn_id: turnId }) => turnId));
  const restoring = toRestore(withoutText.filter((turnId) => endedIds.has(turnId)));
  if (restoring !== null) await statement(restoring);
  const freed = await statement<FreedSession>(sessions);
  const publicIds = new Map<number | null, string>(freed.map(({ id, session_id }) => [id, session_id]));
  return [...ended, ...named].map((row) => ({
    session_id: publicIds.get(row.session_row_id) ?? null,
    ...row,
  }));
}

/** Runs all three in one round trip. SQLite does not support such a statement, and it has no round trips. */
function runAsOne(
  statement: RunStatement,
  { answers, questions, sessions, withoutText }: Ending,
): Promise<readonly MessageRow[]> {
  const restoring = toRestore(withoutText, 'and superseded_by in (select turn_id from answers)');
  const restored = restoring === null ? '' : `, restored as (${restoring.sql})`;
  return statement<MessageRow>({
    sql: `with freed as (${sessions.sql}), answers as (${answers.sql}), questions as (${questions.sql})${restored}
     select ended.*, freed.session_id
     from (select * from answers union all select * from questions) as ended
     left join freed on freed.id = ended.session_row_id`,
    values: [...sessions.values, ...answers.values, ...questions.values, ...(restoring?.values ?? [])],
  });
}

const isGivenTurn = 'turn_id = given.column1';
/**
 * Makes PostgreSQL update the sessions first. The parts of one statement otherwise run in no defined order.
 * Deleting a session locks the session before its messages. The same order here avoids deadlocks.
 */
const isTurnOfFreed = `${isGivenTurn} and (select count(*) from freed) >= 0`;

function toEndedRows(turns: readonly EndingTurn[], rows: readonly MessageRow[]): readonly EndedRows[] {
  const byTurn = (role: string) =>
    new Map(rows.filter((row) => row.role === role).map((row) => [row.turn_id, row]));
  const [questions, answers] = [byTurn('user'), byTurn('assistant')];
  return turns.map(({ turnId }) => {
    const [question, answer] = [questions.get(turnId), answers.get(turnId)];
    if (question === undefined || answer === undefined || question.session_id === null) return null;
    return [{ ...question, answer: answer.answer }, answer];
  });
}

/**
 * Returns SQL that ends answers. A final state never changes, so it updates only pending answers. A process that was
 * paused does not write over another one that has taken its turn over.
 * If a stop was requested in another process, the outcome is `stopped`.
 * Only here a turn becomes due for the history, in the same statement as its end.
 */
function toEndAnswers(
  turns: readonly EndingTurn[],
  now: Date,
  { isTurn, isPostgres }: { readonly isTurn: string; readonly isPostgres: boolean },
): Statement {
  const files = isPostgres ? 'cast(given.column12 as jsonb)' : 'given.column12';
  const usage = isPostgres ? 'cast(given.column8 as jsonb)' : 'given.column8';
  return toGiven(
    `update chat_conversations set answer = given.column2,
       task_id = coalesce(given.column3, task_id),
       conversation_id = coalesce(given.column4, conversation_id),
       message_id = ${freeMessageId('given.column5')}, last_event_id = cast(given.column9 as integer),
       outcome = case when stop_requested then 'stopped' else given.column6 end,
       error_code = case when stop_requested then null else given.column7 end,
       error_detail = case when stop_requested then null else given.column10 end,
       thread_restarted = coalesce(thread_restarted, false) or cast(given.column11 as boolean),
       first_token_ms = cast(given.column13 as integer), 
       taken_back = coalesce(taken_back, false) or cast(given.column14 as boolean),
       files = coalesce(${files}, files), is_superseded = ${isAnswerSuperseded('given.column16')},
       usage = ${usage}, held_by = null, alive_at = null, ended_at = ?, history_due = ?, updated_at = ?
     from $given
     where ${isTurn} and role = 'assistant' and outcome = 'pending'
       and coalesce(takeovers, 0) = cast(given.column15 as integer)
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
      turn.lastEventId,
      turn.errorDetail,
      turn.isThreadRestarted,
      turn.files.length === 0 ? null : toJsonColumn(turn.files),
      turn.firstTokenMs,
      turn.isTakenBack,
      turn.takeovers,
      isWithoutText(turn),
    ]),
    [now, now, now],
  );
}

/** Returns SQL that saves Dify's conversation ids on the questions. */
function toNameConversations(turns: readonly EndingTurn[], now: Date, isTurn: string): Statement {
  return toGiven(
    `update chat_conversations
     set conversation_id = coalesce(given.column2, conversation_id), updated_at = ?,
       is_superseded = ${isQuestionSuperseded('given.column3', 'given.column4')}
     from $given where ${isTurn} and role = 'user' returning ${written}`,
    turns.map((turn) => [turn.turnId, turn.conversationId ?? null, isWithoutText(turn), turn.takeovers]),
    [now],
  );
}
