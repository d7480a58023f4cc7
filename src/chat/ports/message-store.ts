import type { Owner } from '../model/owner';
import type { MessageQuery } from '../model/message-query';
import type { Message, MessageMarks } from '../model/message';

/**
 * Reads and marks messages. Every method sees only the owner's messages that are not deleted.
 */
export interface MessageStore {
  /** @returns at most `query.limit` messages, and the total of matching ones. @throws ChatError `read-timeout` */
  list(
    owner: Owner,
    query: MessageQuery,
    signal?: AbortSignal,
  ): Promise<{ readonly messages: readonly Message[]; readonly total: number }>;
  find(owner: Owner, messageId: string): Promise<Message | null>;
  /**
   * Changes these marks of the message with this `Message.id`. Does not change `updatedAt`, the time of its content.
   * @returns the message as it is now, or null if it is gone.
   */
  mark(owner: Owner, id: number, marks: MessageMarks): Promise<Message | null>;
}
