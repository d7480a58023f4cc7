import type { Client } from '../../support/client';
import type { Telling } from './checker';
import type { RawConnection, RawRequest } from './raw-client';

const createMessagePath = '/api/chat-conversations/create-message';

/** Returns the request of create-message as an event stream. */
export function asking(
  user: Client,
  data: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): RawRequest {
  return {
    method: 'POST',
    path: createMessagePath,
    headers: { Authorization: `Bearer ${user.token}`, Accept: 'text/event-stream', ...headers },
    body: { data },
  };
}

/** Returns the request that follows a turn after event `lastEventId`. 0 follows from the first event. */
export function following(user: Client, turnId: string, lastEventId: number): RawRequest {
  return {
    method: 'GET',
    path: `/api/chat-conversations/turns/${turnId}/stream`,
    headers: {
      Authorization: `Bearer ${user.token}`,
      ...(lastEventId > 0 && { 'Last-Event-ID': String(lastEventId) }),
    },
  };
}

/** Summarizes the events of a connection that started with the first event of a turn. */
export function toTelling(connection: RawConnection): Telling {
  const events = connection.frames().map(({ data }) => data);
  return {
    status: connection.status(),
    turnIds: [...new Set(events.map(({ turn_id: turnId }) => String(turnId)))],
    text: events.reduce((text: string, { event, answer }) => {
      if (event === 'message') return text + String(answer);
      return event === 'message_replace' ? String(answer) : text;
    }, ''),
    terminals: events
      .filter(({ event }) => event === 'message_end' || event === 'error')
      .map(({ event, outcome, code }) => ({ event, outcome, code: code ?? null })),
  };
}
