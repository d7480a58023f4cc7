import type { Client } from '../../support/client';
import type { Telling } from './checker';
import type { RawConnection, RawRequest } from './raw-client';

const createMessagePath = '/api/chat-conversations/create-message';

/** create-message as an event stream, as a raw request. */
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

/** Following a turn from the event after `lastEventId`; 0 for its beginning. */
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

/** What a connection that began with a turn's first event was told. */
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
