import { connect, type Socket } from 'node:net';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

import type { Reply } from '../dify-emulator';
import { startApp, type App } from '../support/app';
import {
  createClient,
  readStream,
  terminalsOf,
  textOf,
  type Client,
  type StreamEvent,
} from '../support/client';
import { connect as connectDevice } from '../support/socket-client';
import { until } from '../support/until';

let app: App;
/** A process that keeps at most 10,000 characters of the log of a live turn. */
let forgetful: string;
/** A process that drops clients later if they read nothing. */
let patient: string;
const patienceMs = 5_000;
let user: Client;
let characterId: string;

beforeAll(async () => {
  app = await startApp({
    env: { CHAT_STALLED_READER_SECONDS: '1', CHAT_MAX_LIVE_LOG_CHARS: '64000000' },
  });
  user = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
  forgetful = await app.startAnother({ CHAT_MAX_LIVE_LOG_CHARS: '10000' });
  patient = await app.startAnother({ CHAT_STALLED_READER_SECONDS: String(patienceMs / 1000) });
});
afterAll(() => app.stop());
afterEach(() => app.dify.reset());

const turns = '/api/chat-conversations/turns';
const streamOf = (turnId: string) => `${turns}/${turnId}/stream`;
const at = (url: string) => createClient(url, user.token, user.user);
/** Each piece is one character, and its frame has more than 300 bytes. The kernel buffers some megabytes. */
const pieces = 24_000;

/** Settles with the next reply of Dify, which the test then controls. */
function nextReply(): Promise<Reply> {
  return new Promise((resolve) => {
    app.dify.script(async (reply) => {
      resolve(reply);
      await reply.closed;
    });
  });
}

/** Sends pieces, and lets this process read in between. Otherwise its own reader stalls, too. */
async function say(reply: Reply, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await reply.say(String(index % 10));
    if (index % 50 === 0) await yieldToEventLoop();
  }
}

/** Sends a request on a plain socket, and reads nothing of the reply until `rest`. */
async function stall(url: string, path: string): Promise<{ socket: Socket; rest(): Promise<string> }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${user.token}\r\n\r\n`);
  return {
    socket,
    async rest() {
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.resume();
      await new Promise((resolve) => socket.once('close', resolve));
      return Buffer.concat(chunks).toString();
    },
  };
}

/** Returns the complete frames in the text from a socket, each with its id and data, without chunk sizes. */
function framesIn(text: string): { id: number; data: string }[] {
  const body = text.slice(text.indexOf('\r\n\r\n') + 2).replaceAll(/\r\n[0-9a-f]+\r\n/gu, '');
  return [...body.matchAll(/^id: (\d+)\ndata: (.*)\n\n/gmu)].map(([, id, data]) => ({
    id: Number(id),
    data: data ?? '',
  }));
}

/** Inserts more text than the system buffers for a client that does not read. */
async function fillSession(
  sessionId: string,
  { count, chars } = { count: 1_500, chars: 6_000 },
): Promise<void> {
  const session = await app.db('chat_sessions').where({ session_id: sessionId }).first();
  const rows = Array.from({ length: count }, (_, index) => ({
    document_id: `long${sessionId.slice(0, 4)}${chars}_${index}`,
    message_id: `msg_long_${sessionId}_${chars}_${index}`,
    role: 'user',
    query: '长'.repeat(chars),
    session_id: session.id,
    user_id: user.user.id,
    is_deleted: false,
    created_at: new Date(),
    updated_at: new Date(),
  }));
  await app.db.batchInsert('chat_conversations', rows, 50);
}

const drops = () => app.output().split('a stalled reader was dropped').length - 1;

describe('a client that reads nothing', () => {
  it('is disconnected after CHAT_STALLED_READER_SECONDS, and resumes exactly where it was', async () => {
    const next = nextReply();
    const asking = await user.stream({ character_id: characterId, query: 'A long one' });
    const first = (await asking.events.next()).value as StreamEvent;
    const turnId = String(first.data.turn_id);
    const reading = readStream(asking.events);
    const reply = await next;
    const dropped = drops();
    const reader = await stall(app.url, streamOf(turnId));
    await say(reply, pieces);
    await until(() => drops() > dropped);
    // The server has dropped the reader during the turn, and the turn continues.
    const { body } = await user.get(`${turns}/${turnId}`);
    expect(body.data).toMatchObject({ outcome: 'pending', is_live: true });
    await say(reply, 10);

    const taken = framesIn(await reader.rest());
    const lastId = taken.at(-1)?.id ?? 0;
    expect(lastId).toBeGreaterThan(1);
    expect(lastId).toBeLessThan(pieces);
    const resumed = await user.open('GET', `${turns}/${turnId}/stream`, {
      headers: { 'Last-Event-ID': String(lastId) },
    });
    await reply.end();
    const whole = [first, ...(await reading)];
    const rest = await readStream(resumed.events);

    expect(terminalsOf(whole)).toHaveLength(1);
    expect(taken.map(({ data }) => data)).toEqual(
      whole.slice(0, lastId).map(({ data }) => JSON.stringify(data)),
    );
    expect(rest).toEqual(whole.slice(lastId));
    expect(drops()).toBe(dropped + 1);
  });

  it('is not a client that waits for a silent turn, even without heartbeats', async () => {
    const next = nextReply();
    const { events } = await user.stream({ character_id: characterId, query: 'A slow one' });
    const reply = await next;
    const dropped = drops();
    await say(reply, 2);
    // Longer than twice the setting, but shorter than the heartbeat interval of 15 seconds.
    await new Promise((resolve) => setTimeout(resolve, 2_300));
    await reply.end();
    expect(textOf(await readStream(events))).toBe('01');
    expect(drops()).toBe(dropped);
  });
});

describe('a client that follows an answer late, when its log has lost events', () => {
  it('gets the earlier text in one event, and the rest event by event', async () => {
    const client = at(forgetful);
    const next = nextReply();
    const asking = await client.stream({ character_id: characterId, query: 'Too long to keep' });
    const reply = await next;
    const whole: StreamEvent[] = [];
    // This reader takes every event immediately, so that it loses none.
    for (let count = 0; count <= 150; count += 1) {
      whole.push((await asking.events.next()).value as StreamEvent);
      if (count < 150) await reply.say(String(count % 10));
    }
    const turnId = String(whole[0]?.data.turn_id);
    const late = await Promise.all(
      [0, 1, 100, 149].map(async (after) => {
        const { events } = await client.open('GET', `${turns}/${turnId}/stream?after=${after}`);
        const seen = [(await events.next()).value as StreamEvent];
        return { after, seen, events };
      }),
    );
    await reply.end();
    whole.push(...(await readStream(asking.events)));

    expect(whole.map(({ id }) => id)).toEqual(whole.map((_, index) => index + 1));
    for (const { after, seen, events } of late) {
      const told = [...seen, ...(await readStream(events))];
      expect(textOf([...whole.slice(0, after), ...told])).toBe(textOf(whole));
      expect(told.at(-1)).toEqual(whole.at(-1));
      const kept = told.filter(({ event }) => event === 'message');
      expect(kept).toEqual(whole.filter(({ id }) => id >= (kept[0]?.id ?? 0) && id <= 151));
      const before = told.slice(0, told.indexOf(kept[0] as StreamEvent)).map(({ event }) => event);
      expect(before).toEqual(
        { 0: ['turn_started', 'message_replace'], 149: [] }[after] ?? ['message_replace'],
      );
      const ids = told.map(({ id }) => id);
      expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    }
  });
});

describe('a client that reads nothing of a long list', () => {
  it('is disconnected from an export', async () => {
    const { session_id } = (await user.post('/api/chat/session', {})).body.data;
    await fillSession(session_id);
    const dropped = drops();
    const reader = await stall(app.url, '/api/chat/export');
    await until(() => drops() > dropped);
    expect((await reader.rest()).length).toBeLessThan(6_000 * 1_500);
  });
});

describe('a client is disconnected after the setting, and not only after twice the setting,', () => {
  /** Waits until the process logs that it dropped such a reader. @returns the milliseconds since `since`. */
  async function droppedAfter(what: string, since: number): Promise<number> {
    const line = `${what}: a stalled reader was dropped`;
    await until(() => app.output().includes(line));
    return performance.now() - since;
  }

  /** Each reply has some megabytes ready. The system buffers a part of them, and then nothing more. */
  it('if it reads nothing of an event stream, a WebSocket, a list or a reply in JSON', async () => {
    const client = at(patient);
    const { session_id } = (await client.post('/api/chat/session', { character_id: characterId })).body.data;
    const next = nextReply();
    const asking = await client.stream({ character_id: characterId, query: 'All together', session_id });
    const turnId = String(((await asking.events.next()).value as StreamEvent).data.turn_id);
    const reading = readStream(asking.events);
    const reply = await next;
    await say(reply, pieces);
    await fillSession(session_id);
    await fillSession(session_id, { count: 100, chars: 60_000 });

    const since = performance.now();
    const list = `/api/conversations/${session_id}/messages`;
    const page = `/api/chat/sessions/${session_id}/messages`;
    const readers = [
      await stall(patient, streamOf(turnId)),
      await stall(patient, list),
      await stall(patient, `${page}?page_size=100&page=16`),
    ];
    const device = await connectDevice(patient, `/ws/${session_id}`, { token: user.token });
    device.socket.pause();
    const took = await Promise.all(
      [streamOf(turnId), list, page, 'WebSocket'].map((what) => droppedAfter(what, since)),
    );
    await reply.end();
    await reading;
    for (const { socket } of readers) socket.destroy();
    device.drop();
    for (const ms of took) {
      expect(ms).toBeGreaterThanOrEqual(patienceMs);
      expect(ms).toBeLessThan(1.8 * patienceMs);
    }
  });
});
