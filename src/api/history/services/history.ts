import type { Core } from '@strapi/strapi';

import type { ChatCompletion, FailedCompletion } from '../../../history';
import { historyOf } from '../../../app';

interface Page {
  /** 1 to 100. */
  readonly limit?: number | undefined;
  /** What `next_cursor` of the page before gave. */
  readonly cursor?: string | undefined;
}

/**
 * The history for other code of this project: `strapi.service('api::history.history')`. What finishes in the chat is saved
 * without it. Every function rejects with a ChatError: `history-unavailable` while the store is away, `invalid-request`
 * naming the field that is wrong.
 */
export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /**
   * Keeps a completion that other code has asked a model for: the messages that were sent and OpenAI's reply, both whole.
   * Saved again under the same `recordId` and `createdAt`, it is there once.
   */
  async saveChatCompletion(completion: ChatCompletion) {
    return historyOf(strapi).access.saveCompletion(completion);
  },

  /** Keeps a completion that failed, with the text that had arrived. */
  async saveErrorConversation(failure: FailedCompletion) {
    return historyOf(strapi).access.saveError(failure);
  },

  /**
   * The latest messages of a conversation (50), in the order they were said: a user's, or without `userId` everybody's.
   * Rejects with `conversation-not-found` where there are none.
   */
  async getConversationMessages(request: Page & { conversationId: string; userId?: number }) {
    const { conversationId, userId, limit, cursor } = request;
    const whose = userId === undefined ? 'everybody' : { id: userId };
    return historyOf(strapi).access.listMessages(whose, conversationId, { limit, cursor });
  },

  /** A user's conversations (20), latest first; from `offset` (at most 10000) or `cursor` on. */
  async getUserConversations({ userId, ...page }: Page & { userId: number; offset?: number }) {
    return historyOf(strapi).access.listConversations({ id: userId }, page);
  },

  /** Erases for good what a user has said in a conversation. Rejects with `conversation-not-found` where that is nothing. */
  async deleteUserConversation({ userId, conversationId }: { userId: number; conversationId: string }) {
    await historyOf(strapi).access.deleteConversation({ id: userId }, conversationId);
  },

  /** A user's sums over some days (`2026-01-31`, both included; the last thirty) of a time zone (UTC). */
  async getConversationStats(request: { userId: number; from?: string; to?: string; timeZone?: string }) {
    const { userId, from, to, timeZone } = request;
    return historyOf(strapi).access.statistics({ id: userId }, { from, to, time_zone: timeZone });
  },
});
