import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { TurnProgress, TurnStore } from '../chat';
import { withFreeMessageId } from './free-message-id';
import { createGroupCommit } from './group-commit';
import { inTransaction } from './transaction';

type Database = Core.Strapi['db'];

/** How long a group waits for a row that somebody else is writing, before each of it is written alone. */
const groupLockTimeoutMs = 100;

interface Checkpoint extends TurnProgress {
  readonly turnId: string;
}

interface Identification {
  readonly turnId: string;
  readonly conversationId: string;
}

/** What is saved of turns while they run: many of them in one statement. */
export function createTurnCheckpoints(db: Database): Pick<TurnStore, 'checkpoint' | 'identify'> {
  const checkpoint = createGroupCommit<Checkpoint>((group) =>
    inGroup(db, group, (trx) => saveProgress(trx, group)),
  );
  const identify = createGroupCommit<Identification>((group) =>
    inGroup(db, group, (trx) => saveConversations(trx, group)),
  );
  return {
    checkpoint: (turnId, progress) => withFreeMessageId({ turnId, ...progress }, checkpoint),
    identify: (turnId, conversationId) => identify({ turnId, conversationId }),
  };
}

/**
 * A group locks rows of several turns in no order of ours, so it could lie in another's way for good: it gives way, long
 * before PostgreSQL would choose whose work is undone.
 */
async function inGroup(
  db: Database,
  group: readonly unknown[],
  write: (trx: Knex.Transaction) => Promise<void>,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    if (group.length > 1 && db.dialect.client === 'postgres') {
      await trx.raw(`set local lock_timeout = ${groupLockTimeoutMs}`);
    }
    await write(trx);
  });
}

/** A final state never changes: only a pending answer is written to. What is not known now stays as it was. */
async function saveProgress(trx: Knex.Transaction, group: readonly Checkpoint[]): Promise<void> {
  await trx.raw(
    `update chat_conversations set answer = given.column2, updated_at = ?,
       task_id = coalesce(given.column3, task_id),
       conversation_id = coalesce(given.column4, conversation_id),
       message_id = coalesce(given.column5, message_id)
     from (values ${tuples(group, 5)}) as given
     where turn_id = given.column1 and role = 'assistant' and outcome = 'pending'`,
    [
      new Date(),
      ...group.flatMap(({ turnId, answer, taskId, conversationId, messageId }) => [
        turnId,
        answer,
        taskId ?? null,
        conversationId ?? null,
        messageId ?? null,
      ]),
    ],
  );
}

async function saveConversations(trx: Knex.Transaction, group: readonly Identification[]): Promise<void> {
  const known = group.flatMap(({ turnId, conversationId }) => [turnId, conversationId]);
  for (const [table, key] of [
    ['chat_conversations', 'turn_id'],
    ['chat_sessions', 'live_turn_id'],
  ] as const) {
    await trx.raw(
      `update ${table} set conversation_id = given.column2
       from (values ${tuples(group, 2)}) as given where ${key} = given.column1`,
      known,
    );
  }
}

/** `(?, ?), (?, ?)`; both databases name what is in them `column1`, `column2`. */
function tuples(group: readonly unknown[], width: number): string {
  const tuple = `(${Array.from({ length: width }, () => '?').join(', ')})`;
  return group.map(() => tuple).join(', ');
}
