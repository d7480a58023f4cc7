import type { Upstreams } from '../ports/upstreams';
import { ChatError } from '../errors';
import type { Feedback } from '../contract/messages/feedback';
import { isUpstreamMessageId } from '../model/message-id';
import type { MessageReply } from '../contract/messages/reply';
import type { Message } from '../model/message';
import { upstreamIdOf } from '../model/session';
import type { CharacterSource } from '../ports/character-source';
import type { Upstream } from '../ports/upstream';
import type { Messages } from './list';
import type { MessageStore } from '../ports/message-store';
import { toUpstreamUser, type Owner } from '../model/owner';
import { findBySpelling } from '../shared/id-spellings';

/**
 * The actions of an owner on a message.
 * All throw ChatError `message-not-found` if the message does not exist or belongs to another user.
 */
export interface MessageActions {
  /**
   * Rates an answer, in the upstream first. An answer that the upstream does not have is rated only here. So is one
   * of an upstream that does not answer for the character any more and refuses its key.
   * @throws ChatError `invalid-request` (the message is not an answer), `turn-in-progress` (it is still being
   *   written), or `upstream-…` (the request to the upstream failed). Then nothing has changed.
   */
  rate(owner: Owner, messageId: string, feedback: Feedback): Promise<MessageReply>;

  /** Marks a message of any role as read. */
  markRead(owner: Owner, messageId: string): Promise<MessageReply>;

  /**
   * Returns questions that the owner could ask next. The upstream generates new ones for each call. The list is
   * empty if the upstream suggests none, or where `rate` rates only here.
   * @throws ChatError as `rate` does.
   */
  suggestQuestions(owner: Owner, messageId: string): Promise<readonly string[]>;
}

export interface MessageActionsOptions {
  readonly store: Pick<MessageStore, 'find' | 'mark'>;
  readonly upstreams: Pick<Upstreams, 'choose' | 'find'>;
  readonly characters: Pick<CharacterSource, 'findPublished'>;
  readonly messages: Pick<Messages, 'toReplies'>;
  /** Called after a message was marked as read. */
  readonly onRead: (message: Message) => void;
}

export function createMessageActions(options: MessageActionsOptions): MessageActions {
  const { store, upstreams, characters, messages, onRead } = options;
  return {
    async rate(owner, messageId, { rating, content }) {
      const answer = await findEndedAnswer(owner, messageId);
      if (isUpstreamMessageId(answer.messageId)) {
        const sent = { user: toUpstreamUser(owner), rating, content };
        await askUpstream(answer, (upstream) => upstream.rate(answer.messageId, sent));
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
      if (!isUpstreamMessageId(answer.messageId)) return [];
      const user = toUpstreamUser(owner);
      const suggested = await askUpstream(answer, (upstream) =>
        upstream.suggestQuestions(answer.messageId, user),
      );
      return suggested ?? [];
    },
  };

  /**
   * Asks the upstream of an answer. Returns null if this server cannot ask it any more, or if it refuses the key of a
   * character that has left it. An operator corrects only the keys that are in use.
   */
  async function askUpstream<T>(answer: Message, ask: (upstream: Upstream) => Promise<T>): Promise<T | null> {
    const upstream = await upstreams.find(answer.upstreamId);
    if (upstream === null) return null;
    try {
      return await ask(upstream);
    } catch (error) {
      const isRefused = error instanceof ChatError && error.code === 'upstream-misconfigured';
      if (!isRefused || (await isInUse(answer))) throw error;
      return null;
    }
  }

  /** Returns whether the upstream of an answer still answers for its character. */
  async function isInUse({ characterId, upstreamId }: Message): Promise<boolean> {
    const character = characterId === null ? null : await characters.findPublished(characterId);
    if (character === null) return false;
    const { id } = await upstreams.choose(character.upstream);
    return id === upstreamIdOf(upstreamId);
  }

  async function find(owner: Owner, messageId: string): Promise<Message> {
    const message = await findBySpelling(messageId, (id) => store.find(owner, id));
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
    // The message was deleted in the meantime.
    if (reply === undefined) throw new ChatError('message-not-found');
    return reply;
  }
}
