import type { Core } from '@strapi/strapi';

import type { Checkpoint, TurnStore } from '../../chat';
import { freeMessageId, withFreeMessageId } from '../messages/free-id';
import { nowIn } from '../sql/clock';
import { toGiven } from '../sql/given-rows';
import { inGroups } from '../sql/group-commit';
import type { RunStatement } from '../sql/statements';

type Database = Core.Strapi['db'];

interface TurnCheckpoint extends Checkpoint {
  readonly turnId: string;
}

interface Identification {
  readonly turnId: string;
  readonly conversationId: string;
}

/** Saves running turns. One statement saves many of them. */
export function createTurnCheckpoints(db: Database): Pick<TurnStore, 'checkpoint' | 'identify'> {
  const now = nowIn(db);
  const checkpoint = inGroups<TurnCheckpoint, boolean>(
    db,
    (statement, group) => saveProgress(statement, group, now),
    { isOneStatement: true },
  );
  const identify = inGroups<Identification, boolean>(db, saveConversations);
  return {
    checkpoint: (turnId, progress) => withFreeMessageId({ turnId, ...progress }, checkpoint),
    identify: (turnId, conversationId) => identify({ turnId, conversationId }),
  };
}

/**
 * Saves progress. A final state never changes, so it updates only pending answers. Another process writes those that it
 * has taken over. Unknown values stay unchanged.
 * @returns for each turn whether it must end. See `TurnStore.checkpoint`.
 */
async function saveProgress(
  statement: RunStatement,
  group: readonly TurnCheckpoint[],
  now: string,
): Promise<boolean[]> {
  const update = toGiven(
    `update chat_conversations set answer = given.column2, alive_at = ${now}, updated_at = ?,
       task_id = coalesce(given.column3, task_id),
       conversation_id = coalesce(given.column4, conversation_id),
       message_id = ${freeMessageId('given.column5')}, last_event_id = cast(given.column6 as integer),
       taken_back = cast(given.column7 as boolean)
     from $given
     where turn_id = given.column1 and role = 'assistant' and outcome = 'pending' and takeovers is null
     returning turn_id, stop_requested`,
    group.map(({ turnId, answer, taskId, conversationId, messageId, lastEventId, isTakenBack }) => [
      turnId,
      answer,
      taskId ?? null,
      conversationId ?? null,
      messageId ?? null,
      lastEventId,
      isTakenBack,
    ]),
    [new Date()],
  );
  const rows = await statement<CheckpointRow>(update);
  const going = new Set(rows.filter((row) => !row.stop_requested).map((row) => row.turn_id));
  return group.map(({ turnId }) => !going.has(turnId));
}

interface CheckpointRow {
  readonly turn_id: string;
  readonly stop_requested: boolean | number | null;
}

/** @returns for each turn whether it has a line that is not deleted. */
async function saveConversations(
  statement: RunStatement,
  group: readonly Identification[],
): Promise<boolean[]> {
  const rows = group.map(({ turnId, conversationId }) => [turnId, conversationId]);
  const save = (table: string, key: string) =>
    `update ${table} set conversation_id = given.column2 from $given where ${key} = given.column1`;
  // Update the session before its messages, in the same order as deleting a session. This avoids deadlocks.
  await statement(toGiven(save('chat_sessions', 'live_turn_id'), rows));
  const lines = await statement<LineRow>(
    toGiven(`${save('chat_conversations', 'turn_id')} returning turn_id, is_deleted`, rows),
  );
  const shown = new Set(lines.filter((line) => !line.is_deleted).map((line) => line.turn_id));
  return group.map(({ turnId }) => shown.has(turnId));
}

interface LineRow {
  readonly turn_id: string;
  readonly is_deleted: boolean | number | null;
}
