import type { Core } from '@strapi/strapi';

import type { ChatCompletion, FailedCompletion } from '../../../history';
import { historyOf } from '../../../app';

interface Page {
  /** At least 1. A limit above 100 becomes 100. */
  readonly limit?: number | undefined;
  /** The `next_cursor` of the previous page. */
  readonly cursor?: string | undefined;
}

/**
 * The history as a service for other code of this project: `strapi.service('api::history.history')`. The server saves
 * the turns of the chat without it. Every function rejects with ChatError `history-unavailable` while the store is
 * unavailable, and with `invalid-request`, which names the wrong field. Errors of the main database pass through.
 */
export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /**
   * Saves a completion that other code requested from a model: the sent messages and OpenAI's whole reply. A second
   * save with the same `recordId` and `createdAt` adds nothing.
   */
  async saveChatCompletion(completion: ChatCompletion) {
    return historyOf(strapi).access.saveCompletion(completion);
  },

  /** Saves a failed completion with the text that had arrived. */
  async saveErrorConversation(failure: FailedCompletion) {
    return historyOf(strapi).access.saveError(failure);
  },

  /**
   * Returns the latest messages of a conversation (default: 50), oldest first. Without `userId`, it returns the
   * messages of all users. Rejects with `conversation-not-found` if none exist.
   */
  async getConversationMessages(request: Page & { conversationId: string; userId?: number }) {
    const { conversationId, userId, limit, cursor } = request;
    const whose = userId === undefined ? 'everybody' : { id: userId };
    return historyOf(strapi).access.listMessages(whose, conversationId, { limit, cursor });
  },

  /**
   * Returns a user's conversations (default: 20), latest first. They start at `offset` (at most 10000) or at `cursor`.
   */
  async getUserConversations({ userId, ...page }: Page & { userId: number; offset?: number }) {
    return historyOf(strapi).access.listConversations({ id: userId }, page);
  },

  /**
   * Erases permanently what a user has said in a conversation. Rejects with `conversation-not-found` if nothing
   * exists.
   */
  async deleteUserConversation({ userId, conversationId }: { userId: number; conversationId: string }) {
    await historyOf(strapi).access.deleteConversation({ id: userId }, conversationId);
  },

  /**
   * Returns a user's sums from the day `from` to the day `to` (`2026-01-31`), both included. The defaults are the last
   * thirty days and the time zone UTC.
   */
  async getConversationStats(request: { userId: number; from?: string; to?: string; timeZone?: string }) {
    const { userId, from, to, timeZone } = request;
    return historyOf(strapi).access.statistics({ id: userId }, { from, to, time_zone: timeZone });
  },
});
