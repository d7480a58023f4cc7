import { createParser } from 'eventsource-parser';

import { assertCleanReply } from './canaries';
import { assertDocumentedEvent, assertDocumentedReply } from './documented-replies';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each test checks the shape that it expects
  readonly body: any;
}

export interface StreamEvent {
  readonly id: number;
  readonly event: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  readonly data: any;
}

export interface EventStream {
  readonly status: number;
  readonly headers: Headers;
  /** Yields each event when it arrives. */
  readonly events: AsyncGenerator<StreamEvent, void>;
  /** Closes the connection, like a closed browser tab. */
  leave(): void;
}

export interface RequestOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent unchanged, instead of `body` as JSON. */
  readonly rawBody?: string | Uint8Array;
}

/**
 * A client of the HTTP API, anonymous or with a token. It checks every reply for canaries, and against the OpenAPI
 * document.
 */
export interface Client {
  readonly token: string | undefined;
  readonly user: {
    readonly id: number;
    readonly documentId: string;
    readonly username: string;
    readonly email: string;
  };
  request(method: string, path: string, options?: RequestOptions): Promise<Reply>;
  get(path: string): Promise<Reply>;
  post(path: string, body: unknown): Promise<Reply>;
  /** Calls create-message. The server replies with JSON. */
  ask(data: Readonly<Record<string, unknown>>): Promise<Reply>;
  /** Calls create-message. The server replies with an event stream. */
  stream(data: Readonly<Record<string, unknown>>): Promise<EventStream>;
  /** Opens any event stream. */
  open(method: string, path: string, options?: RequestOptions): Promise<EventStream>;
  /** Calls create-message, and reads its event stream to the end. */
  streamAll(data: Readonly<Record<string, unknown>>): Promise<StreamEvent[]>;
  myList(query?: string): Promise<Reply>;
}

export function createClient(url: string, token?: string, user: Client['user'] = nobody): Client {
  const auth: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const createMessage = '/api/chat-conversations/create-message';
  const client: Client = {
    token,
    user,
    async request(method, path, { body, headers = {}, rawBody } = {}) {
      const response = await fetch(`${url}${path}`, {
        method,
        redirect: 'manual',
        headers: { ...auth, ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
        ...(rawBody !== undefined
          ? { body: typeof rawBody === 'string' ? rawBody : new Uint8Array(rawBody) }
          : body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      assertCleanReply(text, `${method} ${path}`);
      const { status } = response;
      assertDocumentedReply({ method, path, status, type: response.headers.get('Content-Type'), text });
      return { status: response.status, headers: response.headers, text, body: parseJson(text) };
    },
    get: (path) => client.request('GET', path),
    post: (path, body) => client.request('POST', path, { body }),
    ask: (data) => client.post(createMessage, { data }),
    stream: (data) => client.open('POST', createMessage, { body: { data } }),
    async open(method, path, { body, headers = {} } = {}) {
      const abort = new AbortController();
      const response = await fetch(`${url}${path}`, {
        method,
        signal: abort.signal,
        headers: { ...auth, 'Content-Type': 'application/json', Accept: 'text/event-stream', ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return {
        status: response.status,
        headers: response.headers,
        events: readEvents(response, (event) => assertDocumentedEvent(method, path, event)),
        leave: () => abort.abort(),
      };
    },
    async streamAll(data) {
      const { status, events } = await client.stream(data);
      if (status !== 200) throw new Error(`create-message answered ${status} instead of an event stream.`);
      return readStream(events);
    },
    myList: (query = '') => client.get(`/api/chat-conversations/my-list${query}`),
  };
  return client;
}

const nobody = { id: 0, documentId: '', username: '', email: '' };

async function* readEvents(
  response: Response,
  check: (event: unknown) => void,
): AsyncGenerator<StreamEvent, void> {
  const ready: StreamEvent[] = [];
  const parser = createParser({
    onEvent({ id, data }) {
      assertCleanReply(data, 'an event stream');
      const parsed = parseJson(data) as { event: string };
      check(parsed);
      ready.push({ id: Number(id), event: parsed.event, data: parsed });
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
    yield* ready.splice(0);
  }
}

/** Reads all remaining events. */
export async function readStream(events: EventStream['events']): Promise<StreamEvent[]> {
  const all: StreamEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** Builds the answer from its events, like a client. */
export function textOf(events: readonly StreamEvent[]): string {
  return events.reduce((text, { event, data }) => {
    if (event === 'message') return text + String(data.answer);
    return event === 'message_replace' ? String(data.answer) : text;
  }, '');
}

export function terminalsOf(events: readonly StreamEvent[]): StreamEvent[] {
  return events.filter(({ event }) => event === 'message_end' || event === 'error');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
