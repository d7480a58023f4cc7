import type { Http } from '../http/http.ts';
import type { RecordedConversation, RecordedMessage, Reply } from '../types.ts';
import { createList, type List, type ListOptions } from './list.ts';

/** The calls for the record of finished generations. */
export interface HistoryCalls {
  conversations(options?: ListOptions): List<RecordedConversation>;
  /** Lists the messages of a conversation: the latest page first, each page in the order of the conversation. */
  messages(conversationId: string, options?: ListOptions): List<RecordedMessage>;
  /** Erases a conversation from the history permanently. The messages of its session stay. */
  delete(conversationId: string): Promise<void>;
  /** Returns sums of the user's records. Days are dates in `time_zone`, both included. */
  statistics(range?: StatisticsRange): Promise<Reply<'readStatistics'>>;
}

export interface StatisticsRange {
  readonly from?: string;
  readonly to?: string;
  readonly time_zone?: string;
}

export function createHistoryCalls(http: Http): HistoryCalls {
  const path = '/api/v1/conversations';
  const pathOf = (conversationId: string) => `${path}/${encodeURIComponent(conversationId)}`;

  return {
    conversations: ({ pageSize, signal } = {}) =>
      createList('', async (cursor) => {
        const query = { limit: pageSize, cursor: cursor || null };
        const reply = await http.json<Reply<'listRecordedConversations'>>({
          method: 'GET',
          path,
          query,
          signal,
        });
        return { items: reply.conversations, total: null, next: reply.next_cursor };
      }),
    messages: (conversationId, { pageSize, signal } = {}) =>
      createList('', async (cursor) => {
        const query = { limit: pageSize, cursor: cursor || null };
        const request = { method: 'GET', path: pathOf(conversationId), query, signal } as const;
        const reply = await http.json<Reply<'listRecordedMessages'>>(request);
        return { items: reply.messages, total: null, next: reply.next_cursor };
      }),
    async delete(conversationId) {
      await http.json({ method: 'DELETE', path: pathOf(conversationId) });
    },
    statistics: (range = {}) =>
      http.json<Reply<'readStatistics'>>({
        method: 'GET',
        path: '/api/v1/stats/conversations',
        query: { ...range },
      }),
  };
}
