import type { TurnProgress } from '../../chat';
import { isUniqueViolation } from '../sql/errors';

/**
 * What an update of messages sets as `message_id`: the one given, if there is one and no other message has it. Asked
 * beforehand, because one that is taken would undo the writing of a whole group, each time.
 */
export const freeMessageId = (given: string) =>
  `case when exists (
     select 1 from chat_conversations as other where other.message_id = ${given} and other.id <> chat_conversations.id
   ) then message_id else coalesce(${given}, message_id) end`;

/** For two that take it in the same moment. Runs `write` with this progress; once more without Dify's message id if that is taken: an answer is worth more. */
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
