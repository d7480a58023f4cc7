import type { Upstream } from '../ports/upstream';
import { ChatError } from '../errors';
import type { Feedback } from '../contract/feedback';
import { isDifysMessageId } from '../model/message-id';
import type { MessageReply } from '../contract/message-reply';
import type { Message } from '../model/message';
import type { Messages } from './list';
import type { MessageStore } from '../ports/message-store';
import { toUpstreamUser, type Owner } from '../model/owner';

/**
 * What an owner can do with a message.
 * All throw ChatError `message-not-found`: it does not exist, or is somebody else's.
 */
export interface MessageActions {
  /**
   * Rates an answer, in Dify first. What Dify does not have is rated here only.
   * @throws ChatError `invalid-request` (it is no answer), `turn-in-progress` (it is still being written), or
   *   `upstream-…` when Dify cannot be told. Nothing has changed then.
   */
  rate(owner: Owner, messageId: string, feedback: Feedback): Promise<MessageReply>;

  /** Notes that the owner has read a message, whoever wrote it. */
  markRead(owner: Owner, messageId: string): Promise<MessageReply>;

  /**
   * What the owner could ask next, as Dify makes it up anew for each call. None where it does not, or does not have
   * the answer.
   * @throws ChatError as `rate` does.
   */
  suggestQuestions(owner: Owner, messageId: string): Promise<readonly string[]>;
}

export interface MessageActionsOptions {
  readonly store: Pick<MessageStore, 'find' | 'mark'>;
  readonly upstream: Pick<Upstream, 'rate' | 'suggestQuestions'>;
  readonly messages: Pick<Messages, 'toReplies'>;
  /** Called after a message was marked as read. */
  readonly onRead: (message: Message) => void;
}

export function createMessageActions(options: MessageActionsOptions): MessageActions {
  const { store, upstream, messages, onRead } = options;
  return {
    async rate(owner, messageId, { rating, content }) {
      const answer = await findEndedAnswer(owner, messageId);
      if (isDifysMessageId(answer.messageId)) {
        await upstream.rate(answer.messageId, { user: toUpstreamUser(owner), rating, content });
      }
      return toReply(owner, await store.mark(owner, answer.id, { feedback: rating }));
    },

    async markRead(owner, messageId) {
      const { id } = await find(owner, messageId);
      const marked = await store.mark(owner, id, { status: 'read' });
      const reply = await toReply(owner, marked);
      if (marked !== null) onRead(marked);
      return reply;
    },

    async suggestQuestions(owner, messageId) {
      const answer = await findEndedAnswer(owner, messageId);
      if (!isDifysMessageId(answer.messageId)) return [];
      return upstream.suggestQuestions(answer.messageId, toUpstreamUser(owner));
    },
  };

  async function find(owner: Owner, messageId: string): Promise<Message> {
    const message = await store.find(owner, messageId);
    if (message === null) throw new ChatError('message-not-found');
    return message;
  }

  async function findEndedAnswer(owner: Owner, messageId: string): Promise<Message> {
    const message = await find(owner, messageId);
    if (message.role !== 'assistant') {
      throw new ChatError('invalid-request', {
        sentence: 'This message is not an answer: only answers can be rated or have suggested questions.',
      });
    }
    if (message.outcome === 'pending') {
      throw new ChatError('turn-in-progress', {
        sentence: 'This answer is still being written.',
        details: { turn_id: message.turnId, session_id: message.sessionId },
      });
    }
    return message;
  }

  async function toReply(owner: Owner, message: Message | null): Promise<MessageReply> {
    const [reply] = message === null ? [] : await messages.toReplies(owner, [message]);
    // Deleted in this moment.
    if (reply === undefined) throw new ChatError('message-not-found');
    return reply;
  }
}
