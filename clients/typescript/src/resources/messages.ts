import type { Http } from '../http/http.ts';
import type { Query } from '../http/query.ts';
import type { Body, Message, Reply, SearchHit, SessionMessage } from '../types.ts';
import { createList, type List, type ListOptions } from './list.ts';

export interface MessageQuery extends ListOptions {
  /** Filters of Strapi, e.g. `{ session_id: { $eq: id } }`. */
  readonly filters?: Query;
}

export interface MessageCalls {
  /** Lists all messages of the user, newest first. */
  list(query?: MessageQuery): List<Message>;
  /** Finds the messages that contain a text, newest first. Pages can be short or empty before the last one. */
  search(text: string, options?: ListOptions): List<SearchHit>;
  /** Stores a message in a session. Nobody answers it: to ask, call `ask`. */
  add(message: Omit<Body<'addSessionMessage'>, 'reply'>): Promise<SessionMessage>;
  /** Changes the words of a question in place. Nobody answers it: to ask again, call `editQuestion`. */
  edit(messageId: string | number, content: string): Promise<void>;
  /** Deletes a message. It can be restored for some days. */
  delete(messageId: string | number): Promise<void>;
  restore(messageId: string | number): Promise<void>;
  /** Rates an answer by its `message_id`. Null removes the rating. */
  feedback(messageId: string, rating: 'like' | 'dislike' | null, reason?: string): Promise<Message>;
  /** Marks a message as read. */
  markAsRead(messageId: string): Promise<Message>;
  /** Returns questions that the user could ask after an answer. A model runs for each call. */
  suggestedQuestions(messageId: string): Promise<readonly string[]>;
}

export function createMessageCalls(http: Http): MessageCalls {
  const inSessions = (messageId: string | number) => `/api/chat/messages/${encodeURIComponent(messageId)}`;
  const pathOf = (messageId: string, action: string) =>
    `/api/chat-conversations/messages/${encodeURIComponent(messageId)}/${action}`;

  return {
    list: ({ filters, pageSize, signal } = {}) =>
      createList('', async (cursor) => {
        const query = { filters, pageSize, cursor: cursor || null };
        const request = { method: 'GET', path: '/api/chat-conversations/my-list', query, signal } as const;
        const { data, meta } = await http.json<Reply<'listMyMessages'>>(request);
        // Without `fields`, the server sends whole messages.
        return { items: data as Message[], total: meta.pagination.total, next: meta.nextCursor };
      }),
    search: (text, { pageSize, signal } = {}) =>
      createList('', async (cursor) => {
        const query = { q: text, page_size: pageSize, cursor: cursor || null };
        const request = { method: 'GET', path: '/api/chat/search', query, signal } as const;
        const { data: items, meta } = await http.json<Reply<'search'>>(request);
        const { total = null } = meta.pagination?.isTotalExact === true ? meta.pagination : {};
        return { items, total, next: meta.nextCursor };
      }),
    async add(message) {
      const request = { method: 'POST', path: '/api/chat/message', body: message } as const;
      return (await http.json<Reply<'addSessionMessage'>>(request)).data;
    },
    async edit(messageId, content) {
      await http.json({ method: 'PATCH', path: inSessions(messageId), body: { new_content: content } });
    },
    async delete(messageId) {
      await http.json({ method: 'DELETE', path: inSessions(messageId) });
    },
    async restore(messageId) {
      await http.json({ method: 'POST', path: `${inSessions(messageId)}/restore`, isRepeatable: true });
    },
    async feedback(messageId, rating, reason) {
      const body = { data: { rating, ...(reason !== undefined && { content: reason }) } };
      const request = { method: 'PUT', path: pathOf(messageId, 'feedback'), body } as const;
      return (await http.json<Reply<'rateMessage'>>(request)).data;
    },
    async markAsRead(messageId) {
      return (await http.json<Reply<'readMessage'>>({ method: 'PUT', path: pathOf(messageId, 'read') })).data;
    },
    async suggestedQuestions(messageId) {
      const request = { method: 'GET', path: pathOf(messageId, 'suggested') } as const;
      return (await http.json<Reply<'suggestQuestions'>>(request)).data;
    },
  };
}
