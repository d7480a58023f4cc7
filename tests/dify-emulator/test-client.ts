import { once } from 'node:events';
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { DifyEmulator } from './index';

export type JsonAnswer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly json: unknown;
};

type Asked = {
  readonly method?: string;
  /** An object, which is sent as JSON, or a string or a form, which are sent unchanged. */
  readonly body?: unknown;
  readonly key?: string;
  readonly headers?: http.OutgoingHttpHeaders;
};

/** A response while it arrives. */
export type Arriving = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** One entry for each HTTP chunk so far. */
  readonly chunks: readonly Buffer[];
  readonly text: () => string;
  /** Resolves when the text contains `part`. Rejects when the response ends without it. */
  readonly until: (part: string) => Promise<string>;
  /** Resolves after the end: `ended` if the response was complete, `broken` if the connection broke. */
  readonly over: Promise<'ended' | 'broken'>;
  readonly leave: () => void;
};

export async function send(dify: DifyEmulator, path: string, asked: Asked = {}): Promise<Arriving> {
  const { body, method = body === undefined ? 'GET' : 'POST', key = dify.apiKey, headers } = asked;
  const { type, bytes } = await encode(body);
  const req = http.request(`${dify.url}${path}`, {
    method,
    agent: false,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': type }),
      'content-length': bytes.length,
      ...headers,
    },
  });
  req.end(bytes);
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  req.on('error', () => undefined);
  return arriving(res);
}

async function encode(body: unknown): Promise<{ readonly type: string; readonly bytes: Buffer }> {
  const type = 'application/json';
  if (typeof body === 'string') return { type, bytes: Buffer.from(body) };
  if (!(body instanceof FormData)) return { type, bytes: Buffer.from(JSON.stringify(body) ?? '') };
  const encoded = new Response(body);
  return {
    type: encoded.headers.get('content-type') ?? '',
    bytes: Buffer.from(await encoded.arrayBuffer()),
  };
}

/** Asks a question as a stream, with default values for all required fields. */
export function ask(
  dify: DifyEmulator,
  fields: Record<string, unknown> = {},
  key?: string,
): Promise<Arriving> {
  const body = { query: 'How is the sea?', inputs: {}, user: 'ann', response_mode: 'streaming', ...fields };
  return send(dify, '/v1/chat-messages', { body, ...(key !== undefined && { key }) });
}

export async function readJson(dify: DifyEmulator, path: string, asked: Asked = {}): Promise<JsonAnswer> {
  const arrived = await send(dify, path, asked);
  await arrived.over;
  const text = arrived.text();
  return {
    status: arrived.status,
    headers: arrived.headers,
    json: text === '' ? undefined : JSON.parse(text),
  };
}

export type WireEvent = Readonly<Record<string, unknown>> & { readonly event: string };

/** Returns the events of a complete stream. A ping becomes `{ event: 'ping' }`. */
export async function readEvents(stream: Arriving): Promise<WireEvent[]> {
  await stream.over;
  return toEvents(stream.text());
}

export function toEvents(text: string): WireEvent[] {
  const frames = text.split('\n\n').filter((frame) => frame !== '');
  return frames.map((frame) =>
    frame === 'event: ping' ? { event: 'ping' } : (JSON.parse(frame.replace(/^data: /u, '')) as WireEvent),
  );
}

/** Returns the text that a client shows, from `message`, `agent_message` and `message_file` events. */
export function answerOf(events: readonly WireEvent[]): string {
  const speaking = ['message', 'agent_message', 'message_file'];
  return events
    .map(({ event, answer }) => (speaking.includes(event) && typeof answer === 'string' ? answer : ''))
    .join('');
}

function arriving(res: IncomingMessage): Arriving {
  const chunks: Buffer[] = [];
  const text = (): string => Buffer.concat(chunks).toString('utf8');
  res.on('data', (chunk: Buffer) => chunks.push(chunk));
  res.on('error', () => undefined);
  const over = new Promise<'ended' | 'broken'>((resolve) =>
    res.once('close', () => resolve(res.complete ? 'ended' : 'broken')),
  );
  const until = (part: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        if (text().includes(part)) resolve(text());
      };
      res.on('data', check);
      res.once('close', () => reject(new Error(`The response ended without ${part}: ${text()}`)));
      check();
    });
  const leave = (): void => void res.destroy();
  return { status: res.statusCode ?? 0, headers: res.headers, chunks, text, until, over, leave };
}
