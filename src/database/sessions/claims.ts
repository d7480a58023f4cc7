import { ChatError, upstreamIdOf, type NewTurn, type Session } from '../../chat';
import { characterOf } from '../characters/links';
import { toGiven } from '../sql/given-rows';
import { toThreadsColumn, upstreamOf } from './threads';
import type { RunStatement, Statement } from '../sql/statements';

/**
 * Claims a session for a turn (`live_turn_id`). If two processes try at the same time, the condition lets one succeed.
 * @returns false if another turn ran since the session was read, so that its conversation or character may differ.
 * @throws ChatError `turn-in-progress`, `session-not-found`
 */
export async function claimSession(
  statement: RunStatement,
  turn: NewTurn,
  { rowId, conversationId, characterId, upstreamId }: Session,
): Promise<boolean> {
  const claimed = await statement({
    sql: `update chat_sessions set live_turn_id = ?, ai_character_document_id = ?, last_message_at = ?, updated_at = ?,
       upstream = ?, conversation_id = ?, other_threads = ?, message_count = message_count + 2
     where id = ? and is_deleted = ? and live_turn_id is null and conversation_id is not distinct from ?
       and ${upstreamOf()} = ? and ${characterOf('chat_sessions')} is not distinct from ?
     returning id`,
    values: [
      turn.turnId,
      turn.characterId,
      turn.createdAt,
      turn.createdAt,
      turn.thread.upstreamId,
      turn.thread.conversationId,
      toThreadsColumn(turn.thread.otherThreads),
      rowId,
      false,
      conversationId,
      upstreamIdOf(upstreamId),
      characterId,
    ],
  });
  return claimed.length > 0 || assertFree(statement, rowId);
}

/** Throws if the session is deleted or claimed. @returns false: the other turn has ended meanwhile. */
async function assertFree(statement: RunStatement, rowId: number): Promise<false> {
  const [row] = await statement<{ readonly live_turn_id: string | null; readonly session_id: string }>({
    sql: 'select live_turn_id, session_id from chat_sessions where id = ? and is_deleted = ?',
    values: [rowId, false],
  });
  if (row === undefined) throw new ChatError('session-not-found');
  if (row.live_turn_id === null) return false;
  throw new ChatError('turn-in-progress', {
    details: { turn_id: row.live_turn_id, session_id: row.session_id },
  });
}

/** Returns SQL that ends the claims of these turns and saves Dify's conversation ids on their sessions. */
export function toFreeing(turns: readonly FreedTurn[], now: Date): Statement {
  return toGiven(
    `update chat_sessions set conversation_id = coalesce(given.column2, conversation_id), live_turn_id = null,
       last_message_at = ?, updated_at = ?
     from $given where live_turn_id = given.column1 returning id, session_id`,
    turns.map(({ turnId, conversationId }) => [turnId, conversationId ?? null]),
    [now, now],
  );
}

interface FreedTurn {
  readonly turnId: string;
  readonly conversationId?: string | undefined;
}

/** A row that the statement of `toFreeing` returns. */
export interface FreedSession {
  readonly id: number;
  readonly session_id: string;
}
