import type { TurnProgress } from '../../chat';
import { isUniqueViolation } from '../sql/errors';

/**
 * Returns SQL for the new `message_id` of an update. It keeps the old id if the given one is null or taken.
 * The SQL checks this, because one taken id would roll back a whole batch each time.
 */
export const freeMessageId = (given: string) =>
  `case when exists (
     select 1 from chat_conversations as other where other.message_id = ${given} and other.id <> chat_conversations.id
   ) then message_id else coalesce(${given}, message_id) end`;

/**
 * Runs `write`. If another message takes Dify's message id at the same time, runs `write` again without that id.
 * Saving the answer is more important than its id.
 */
export async function withFreeMessageId<P extends TurnProgress, T>(
  progress: P,
  write: (progress: P) => Promise<T>,
): Promise<T> {
  try {
    return await write(progress);
  } catch (error) {
    if (progress.messageId === undefined || !isUniqueViolation(error)) throw error;
    return write({ ...progress, messageId: undefined });
  }
}
