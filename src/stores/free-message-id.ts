import type { TurnProgress } from '../chat';
import { isUniqueViolation } from './database-errors';

/** Runs `write` with this progress; once more without Dify's message id if that is taken: an answer is worth more. */
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
