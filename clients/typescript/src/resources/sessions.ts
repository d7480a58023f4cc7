import type { Http } from '../http/http.ts';
import type { Body, Reply, Session, SessionMessage } from '../types.ts';
import { createNumberedList, type List, type ListOptions } from './list.ts';

export interface SessionMessageQuery extends ListOptions {
  /** `asc` begins with the first message. Default: `asc`. */
  readonly order?: 'asc' | 'desc';
  /** Adds the messages of branches that are not in use. */
  readonly superseded?: boolean;
}

export interface SessionCalls {
  /** Creates a session. Asking without a `session_id` creates one, too. */
  create(session?: Body<'createSession'>): Promise<Session>;
  /** Lists the sessions, that with the newest message first. */
  list(query?: ListOptions & { readonly character_id?: string | number }): List<Session>;
  /** Finds a session. Its `live_turn_id` is the turn to follow, if one is being answered. */
  get(sessionId: string): Promise<Session>;
  rename(sessionId: string, title: string): Promise<void>;
  /** Deletes a session. It can be restored for some days. */
  delete(sessionId: string): Promise<void>;
  restore(sessionId: string): Promise<void>;
  /** Lists the messages of a session. */
  messages(sessionId: string, query?: SessionMessageQuery): List<SessionMessage>;
  /** Finds a message of a session by either of its ids. */
  message(sessionId: string, messageId: string | number): Promise<SessionMessage>;
}

/** A reply to a request without `fields`: its entries have all fields. */
interface Whole<Data> {
  readonly data: Data;
}

type MessagePage = Omit<Reply<'listSessionMessages'>['data'], 'items'> & {
  readonly items: readonly SessionMessage[];
};

export function createSessionCalls(http: Http): SessionCalls {
  const pathOf = (sessionId: string) => `/api/chat/sessions/${encodeURIComponent(sessionId)}`;

  return {
    async create(session = {}) {
      const request = { method: 'POST', path: '/api/chat/session', body: session } as const;
      return (await http.json<Reply<'createSession'>>(request)).data;
    },
    list: ({ character_id, pageSize = 20, signal } = {}) =>
      createNumberedList(
        async (page) => {
          const body = { character_id, page, page_size: pageSize };
          const request = {
            method: 'POST',
            path: '/api/chat/sessions',
            body,
            isRepeatable: true,
            signal,
          } as const;
          const { data: items } = await http.json<Whole<readonly Session[]>>(request);
          return { items, total: null, isLast: items.length < Math.min(pageSize, 100) };
        },
        ({ session_id }) => session_id,
      ),
    async get(sessionId) {
      return (await http.json<Whole<Session>>({ method: 'GET', path: pathOf(sessionId) })).data;
    },
    async rename(sessionId, title) {
      await http.json({ method: 'PATCH', path: pathOf(sessionId), body: { new_title: title } });
    },
    async delete(sessionId) {
      await http.json({ method: 'DELETE', path: pathOf(sessionId) });
    },
    async restore(sessionId) {
      await http.json({ method: 'POST', path: `${pathOf(sessionId)}/restore`, isRepeatable: true });
    },
    messages: (sessionId, { order, superseded, pageSize = 50, signal } = {}) =>
      createNumberedList(
        async (page) => {
          const query = { order, superseded, page, page_size: pageSize };
          const request = { method: 'GET', path: `${pathOf(sessionId)}/messages`, query, signal } as const;
          const { items, total, page_size } = (await http.json<Whole<MessagePage>>(request)).data;
          return { items, total, isLast: page * page_size >= total };
        },
        ({ message_id }) => message_id,
      ),
    async message(sessionId, messageId) {
      const path = `${pathOf(sessionId)}/messages/${encodeURIComponent(messageId)}`;
      return (await http.json<Whole<SessionMessage>>({ method: 'GET', path })).data;
    },
  };
}
