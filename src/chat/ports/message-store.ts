import type { Owner } from '../model/owner';
import type { MessageQuery } from '../model/message-query';
import type { Message, MessageMarks } from '../model/message';

/**
 * Where messages are read, and marked by their owner. Every method is limited to the owner's own: there is no way to
 * reach anybody else's. A deleted one is nobody's.
 */
export interface MessageStore {
  /** @returns at most `query.limit` messages, and how many match in all. @throws ChatError `read-timeout` */
  list(
    owner: Owner,
    query: MessageQuery,
    signal?: AbortSignal,
  ): Promise<{ readonly messages: readonly Message[]; readonly total: number }>;
  find(owner: Owner, messageId: string): Promise<Message | null>;
  /**
   * Changes these marks of the message with this `Message.id`, and not its `updatedAt`: that is of what was said.
   * @returns the message as it is now, or null if it is gone.
   */
  mark(owner: Owner, id: number, marks: MessageMarks): Promise<Message | null>;
}
