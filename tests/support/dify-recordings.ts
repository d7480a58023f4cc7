import { generate } from '../dify-emulator/generate';
import { readCaptures, type Exchange } from '../dify-emulator/captures/read';
import { headersFor, modelFor } from '../dify-emulator/captures/replay';
import { send, type Arriving } from '../dify-emulator/test-client';
import type { App } from './app';
import type { Client } from './client';

/** The recordings of Dify that the Dify API is compared with. Tokens and apps of the recording have no equal here. */
export const recordings = ['chat', 'errors'].flatMap((file) => readCaptures('1.12.1', file));

/** Why the Dify API replies to a recorded request in another way, and with what. */
export interface OnPurpose {
  /** The status, the media type and, of an error, the code. */
  readonly reply: string;
  readonly reason: string;
}

const prompt = { reply: '200 text/event-stream', reason: 'The prompt is that of the character.' };
const user = { reply: '200 text/event-stream', reason: 'The user is that of the token.' };
const app = { reply: '200 text/event-stream', reason: 'Every character is a chat app.' };
const busy = { reason: 'The server queues questions. Its own limits reply with 429.' };

export const onPurpose: Readonly<Record<string, OnPurpose>> = {
  'follow-up-without-inputs': prompt,
  'required-input-missing': prompt,
  'model-dies': { reply: '200 text/event-stream', reason: 'One code names every failure of the model.' },
  'inputs-number': prompt,
  'user-missing': user,
  'user-256-characters': user,
  'body-an-array': { reply: '400 application/json invalid_param', reason: 'Dify fails here.' },
  'app-completion': app,
  'app-workflow': app,
  'app-busy': { ...busy, reply: '200 text/event-stream' },
  'app-busy-blocking': { ...busy, reply: '200 application/json' },
  'route-unknown': { reply: '404 application/json not_found', reason: 'All errors are JSON.' },
  'feedback-of-another-user': {
    reply: '200 application/json',
    reason: 'The user is that of the token. The isolation tests rate with the token of another user.',
  },
};

export interface Answered {
  readonly status: number;
  readonly type: string;
  readonly reply: string;
}

export interface Replayed {
  readonly answered: ReadonlyMap<string, Answered>;
  /** Returns this server's id in the place of a recorded one. */
  idOf(recorded: string): string | undefined;
}

/** Sends all recorded requests to one character of the application, in their order. */
export async function replay(app: App, client: Client, characterId: string): Promise<Replayed> {
  app.dify.always((reply) =>
    generate(reply, {
      ...modelFor(reply),
      ...(reply.turn.message.query.includes('first=') && { before: () => reply.pause(1_500) }),
      // Only the stopped answer waits. The server reads all others to their end, also without a client.
      ...(!reply.turn.message.query.startsWith('停') && { after: async () => undefined }),
    }),
  );
  const ids = new Map<string, string>();
  const answered = new Map<string, Answered>();
  for (const exchange of recordings) if (!answered.has(exchange.name)) await repeat(exchange);
  return { answered, idOf: (recorded) => ids.get(recorded) };

  /** Before the request, it sends what the recording needs but does not contain. */
  async function repeat(exchange: Exchange): Promise<void> {
    const task = exchange.path.endsWith('/stop') ? idIn(exchange.path) : undefined;
    const stopped = recordings.find(
      ({ path, reply }) => task && path !== exchange.path && reply.includes(task),
    );
    const stream = stopped && (await request(stopped));
    if (stopped && stream) learn(stopped.reply, await stream.until('"answer"'));
    if (exchange.path.startsWith('/v1/messages?') && exchange.status === 200) await askEarlier(exchange);
    await finish(exchange, await request(exchange));
    if (stopped && stream) await finish(stopped, stream);
  }

  /** Asks the questions of a recorded list whose own recording is missing. Leaves where the recorded client left. */
  async function askEarlier(list: Exchange): Promise<void> {
    const id = idIn(list.path);
    if (id === undefined || ids.has(id)) return;
    const { data } = JSON.parse(list.reply) as { data: Record<string, unknown>[] };
    for (const { query, answer, status, ...row } of data) {
      const body = JSON.stringify({ query, inputs: {}, user: 'user-k3', response_mode: 'streaming' });
      const stream = await request({ ...list, method: 'POST', path: '/v1/chat-messages', body });
      if (answer === '' && status === 'normal') {
        await stream.until('"answer"');
        stream.leave();
      } else await stream.over;
      learn(JSON.stringify({ ...row, message_id: row['id'] }), stream.text());
    }
  }

  function request({ name, method, path, body }: Exchange): Promise<Arriving> {
    const translated = (text: string): string => text.replaceAll(anyId, (id) => ids.get(id) ?? id);
    const target = path.replace('/v1/', `/api/dify/${characterId}/v1/`);
    return send({ url: app.url } as App['dify'], translated(target), {
      method,
      key: name === 'key-wrong' ? 'app-unknown' : String(client.token),
      headers: headersFor(name),
      ...(body !== undefined && {
        body: translated(body).replace('(30001 characters)', 'p'.repeat(30_001)),
      }),
    });
  }

  async function finish(exchange: Exchange, stream: Arriving): Promise<void> {
    await stream.over;
    const reply = stream.text();
    const { status, headers } = stream;
    answered.set(exchange.name, { status, type: headers['content-type'] ?? '', reply });
    learn(exchange.reply, reply);
  }

  function learn(recorded: string, ours: string): void {
    for (const field of ['conversation_id', 'message_id', 'task_id']) {
      const [theirs, own] = [recorded, ours].map((text) => idIn(text.split(`"${field}"`)[1] ?? ''));
      if (theirs !== undefined && own !== undefined) ids.set(theirs, own);
    }
  }
}

/** Returns the status, the media type and, of an error, the code. */
export function headOf({ status, type, reply }: Answered): string {
  const [media = ''] = type.split(';');
  const { code } = (reply.startsWith('{') ? JSON.parse(reply) : {}) as { code?: string };
  // A reply without a body has no type.
  return [status, ...(status === 204 ? [] : [media]), ...(code === undefined ? [] : [code])].join(' ');
}

/** Returns the events, or the body, by the names of their fields. Equal lines in a row become one. */
export function fieldsOf({ type, reply }: Answered): readonly string[] {
  if (reply === '') return [];
  if (type.includes('json')) return [namesIn(JSON.parse(reply))];
  if (!type.includes('event-stream')) return [reply];
  const lines = reply
    .trimEnd()
    .split('\n\n')
    .map((frame) => {
      if (!frame.startsWith('data: ')) return frame;
      const event = JSON.parse(frame.slice('data: '.length)) as {
        event: string;
        code?: string;
        status?: number;
      };
      return `${event.event} ${event.status ?? ''} ${event.code ?? ''} ${namesIn(event)}`;
    });
  return lines.filter((line, at) => line !== lines[at - 1]);
}

/** Values that belong to an app or to the recording. */
const values: ReadonlySet<string> = new Set(['inputs', 'user_input_form', 'suggested_questions']);

function namesIn(value: unknown): string {
  if (Array.isArray(value)) return `[${[...new Set(value.map(namesIn))].join(' ')}]`;
  if (typeof value !== 'object' || value === null) return '';
  const fields = Object.entries(value).map(([name, field]) =>
    values.has(name) ? name : `${name}${namesIn(field)}`,
  );
  return `{${fields.join(' ')}}`;
}

const anyId = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gu;
const idIn = (text: string): string | undefined => text.match(anyId)?.[0];
