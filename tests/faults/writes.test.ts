import { randomUUID } from 'node:crypto';

import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { connect, type Device } from '../support/socket-client';
import { startChild, type Child } from './support/child';
import { classTimeoutMs, isFull, report, scale } from './support/scale';
import { sideBySide } from './support/side-by-side';

const requests = scale({ full: 20_000, smoke: 200 });
/** Number of requests at the same time. */
const lanes = scale({ full: 32, smoke: 16 });
const writesPerMinute = scale({ full: 300, smoke: 40 });
const turnsPerMinute = 20;
const charsPerDay = 2_000_000;
/** Number of characters that a process counts before it writes the sum to the database. */
const charsTogether = 50_000;

let app: App;
let greedy: Client;
let neighbour: Client;
let characterId: string;
let probe: Child;

beforeAll(async () => {
  app = await startApp({
    env: {
      CHAT_MAX_TURNS_AT_ONCE: '3',
      CHAT_TURNS_PER_MINUTE: String(turnsPerMinute),
      CHAT_WRITES_PER_MINUTE: String(writesPerMinute),
      CHAT_STORED_CHARS_PER_DAY: String(charsPerDay),
    },
  });
  greedy = await app.createUser();
  neighbour = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
  const list = '/api/chat-conversations/my-list';
  probe = await startChild('probe-child.ts', [app.url, list, neighbour.token ?? '', String(app.pid())]);
});
afterAll(async () => {
  await probe.end();
  await app.stop();
});

const longText = '长'.repeat(20_000);

/** Returns every kind of write request. Requests for deleted resources are included on purpose. */
function waysToWrite(ids: { readonly session: string; readonly message: string; readonly turn: string }) {
  const { session, message, turn } = ids;
  const question = { character_id: characterId, query: longText };
  return [
    ['POST', '/api/chat/message', { session_id: session, content: longText }],
    ['POST', `/api/conversations/${session}/messages`, { role: 'tool', content: longText }],
    ['POST', '/api/chat/session', {}],
    ['POST', '/api/conversations', { new: true }],
    ['PATCH', `/api/chat/sessions/${session}`, { new_title: 'x'.repeat(255) }],
    ['PATCH', `/api/chat/messages/${message}`, { new_content: longText }],
    ['PATCH', `/api/chat/messages/${message}`, { new_content: longText, regenerate: true }],
    ['DELETE', `/api/chat/messages/${randomUUID()}`, undefined],
    ['POST', `/api/chat/sessions/${session}/restore`, {}],
    ['PUT', `/api/chat-conversations/messages/${message}/feedback`, { data: { rating: 'like' } }],
    ['PUT', `/api/chat-conversations/messages/${message}/read`, {}],
    ['POST', `/api/chat-conversations/turns/${turn}/stop`, {}],
    ['POST', `/api/chat-conversations/turns/${turn}/regenerate`, {}],
    ['POST', '/api/chat-conversations/create-message', { data: question }],
    ['DELETE', `/api/v1/conversations/${randomUUID()}`, undefined],
  ] as const;
}

interface Written {
  refused: number;
  failed: number;
  seconds: number;
}

/** Sends the requests as fast as the server replies. */
async function writeAll(device: Device, ways: ReturnType<typeof waysToWrite>): Promise<Written> {
  const written: Written = { refused: 0, failed: 0, seconds: 0 };
  const since = Date.now();
  const asking = setInterval(() => device.send({ type: 'ask', query: longText }), 100);
  await sideBySide({ count: requests, width: lanes }, async (index) => {
    const way = ways[index % ways.length];
    if (way === undefined) return;
    const [method, path, body] = way;
    const headers = { 'Idempotency-Key': `key-${index}` };
    const { status } = await greedy.request(method, path, { headers, ...(body !== undefined && { body }) });
    if (status === 429) written.refused += 1;
    if (status >= 500) written.failed += 1;
  });
  clearInterval(asking);
  written.seconds = (Date.now() - since) / 1000;
  return written;
}

/** @returns the milliseconds of each write of another user during that time. */
async function writeBeside(isOver: () => boolean): Promise<number[]> {
  const session_id = (await neighbour.post('/api/chat/session', {})).body.data.session_id as string;
  const took: number[] = [];
  while (!isOver() && took.length < writesPerMinute - 10) {
    const since = performance.now();
    const { status } = await neighbour.post('/api/chat/message', { session_id, content: 'A line' });
    expect(status).toBe(200);
    took.push(performance.now() - since);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return took;
}

async function stored(): Promise<{ readonly rows: number; readonly chars: number }> {
  const user_id = greedy.user.id;
  const sessions = await app.db('chat_sessions').where({ user_id });
  const lines = await app.db('chat_conversations').where({ user_id });
  const length = (text: string | null) => text?.length ?? 0;
  // Answers of Dify do not count as characters of the user.
  const chars = lines.reduce(
    (sum: number, { role, turn_id, query, answer }) =>
      sum + length(query) + (role === 'assistant' && turn_id !== null ? 0 : length(answer)),
    0,
  );
  return { rows: sessions.length + lines.length, chars };
}

describe('user who writes as fast as possible', () => {
  it(
    'stays within the limits, and does not delay other users',
    async () => {
      const [question, answer] = (await greedy.ask({ character_id: characterId, query: 'Hello' })).body.data;
      const session = String(question.session_id);
      const ids = { session, message: String(question.message_id), turn: String(answer.turn_id) };
      const device = await connect(app.url, `/ws/${session}`, { token: greedy.token });
      const before = await stored();

      await probe.tell('start');
      let isOver = false;
      const beside = writeBeside(() => isOver);
      const { refused, failed, seconds } = await writeAll(device, waysToWrite(ids));
      isOver = true;
      const took = (await beside).sort((a, b) => a - b);
      const [, workedMs = NaN] = (await probe.tell('stop')).split(' ').map(Number);
      device.drop();
      await app.dify.idle();
      const after = await stored();

      // The first write starts a window, so the number of windows can exceed the number of minutes by one.
      const windows = Math.floor(seconds / 60) + 1;
      const rows = after.rows - before.rows;
      const chars = after.chars - before.chars;
      report('a user who writes', {
        requests,
        'seconds for them': Math.round(seconds),
        'refused by a limit': refused,
        'replies with 5xx': failed,
        'rows stored': rows,
        'characters stored': chars,
        'ms for the median write of another user': Math.round(took[Math.floor(took.length / 2)] ?? 0),
        'ms for the slowest': Math.round(took.at(-1) ?? 0),
        'ms of work until the slowest list of another user': Math.round(workedMs),
      });
      expect(failed).toBe(0);
      expect(refused).toBeGreaterThan(0);
      // A turn creates two rows, and also a session if it starts one.
      expect(rows).toBeLessThanOrEqual(windows * (writesPerMinute + 3 * turnsPerMinute));
      expect(chars).toBeLessThanOrEqual(charsPerDay + charsTogether);
      expect(took.length).toBeGreaterThan(0);
      // On SQLite all statements share one connection. They wait for up to 32 statements of this user.
      if (isFull) expect(workedMs).toBeLessThan(1_000);
    },
    classTimeoutMs,
  );
});
