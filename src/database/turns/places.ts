import type { TurnEnding } from '../../chat';
import type { Statement } from '../sql/statements';

/** Returns whether the turn gives its place back if it is a repeat. See `NewTurn.isRepeat`. */
export const isWithoutText = ({ outcome, answer, files }: TurnEnding): boolean =>
  outcome !== 'completed' && answer === '' && files.length === 0;

/** Returns SQL that brings the lines back which these turns have superseded. Null for no turn. */
export function toRestore(turnIds: readonly string[], condition = ''): Statement | null {
  if (turnIds.length === 0) return null;
  const given = turnIds.map(() => '?').join(', ');
  return {
    // The sessions are found by an index. There is none on `superseded_by`.
    sql: `update chat_conversations set is_superseded = false, superseded_by = null
     where superseded_by in (${given}) ${condition} and session_id in
       (select session_id from chat_conversations where turn_id in (${given}) and role = 'assistant')`,
    values: [...turnIds, ...turnIds],
  };
}

/** SQL for "the line of the answer is superseded, or gives its place back". */
export const isAnswerSuperseded = (withoutText: string): string =>
  `coalesce(is_superseded, false) or (cast(${withoutText} as boolean) and ${hasSuperseded})`;

/**
 * SQL for the same of the question. Its answer must still be pending. Another process may have taken the turn over, or
 * may have saved its end.
 */
export const isQuestionSuperseded = (withoutText: string, takeovers: string): string =>
  `coalesce(is_superseded, false) or (cast(${withoutText} as boolean) and ${hasSuperseded} and exists
     (select 1 from chat_conversations as a where a.turn_id = given.column1 and a.role = 'assistant'
        and a.outcome = 'pending' and coalesce(a.takeovers, 0) = cast(${takeovers} as integer)))`;

const hasSuperseded = `exists
     (select 1 from chat_conversations as older where older.session_id = chat_conversations.session_id
        and older.superseded_by = given.column1)`;
