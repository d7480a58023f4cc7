import { WebSocket } from 'ws';

import {
  createClient,
  memoryStorage,
  textAfter,
  type ChatClient,
  type SessionSocket,
  type SocketEvent,
} from '../../clients/typescript/src/index';
import { randomFor } from '../faults/support/random';
import { scale } from '../faults/support/scale';
import { withoutLimits } from '../faults/support/env';
import { createUpstream, piecesOf, telling, type Upstream } from '../faults/support/upstream';
import { startApp, type App } from '../support/app';
import { password } from '../support/admin';
import type { Client } from '../support/client';
import { startCuttingProxy } from './support/cutting-proxy';

let app: App;
let user: Client;
let client: ChatClient;
let characterId: string;
let upstream: Upstream;
let sessionId: string;

beforeAll(async () => {
  app = await startApp({ env: withoutLimits });
  user = await app.createUser();
  client = createClient({ baseUrl: app.url, token: user.token ?? '' });
  characterId = (await app.admin.createCharacter()).documentId;
  upstream = createUpstream(app.dify);
});
afterAll(() => app.stop());
beforeEach(async () => {
  sessionId = (await client.sessions.create({ character_id: characterId })).session_id;
});

/** Reads until an event. @returns all events up to it. */
async function readUntil(
  socket: SessionSocket,
  isLast: (event: SocketEvent) => boolean,
): Promise<SocketEvent[]> {
  const events: SocketEvent[] = [];
  for await (const event of socket) {
    events.push(event);
    if (isLast(event)) break;
  }
  return events;
}

const named = (name: SocketEvent['event']) => (event: SocketEvent) => event.event === name;
const textOf = (events: readonly SocketEvent[]) =>
  events.reduce((text, event) => ('seq' in event ? textAfter(text, event) : text), '');

describe('openSession', () => {
  it('yields the turns and changes that other devices make', async () => {
    const socket = client.openSession(sessionId, { WebSocket });
    await readUntil(socket, named('connected'));
    const { text } = await client
      .ask({ character_id: characterId, query: 'Hi', session_id: sessionId })
      .complete();
    expect(textOf(await readUntil(socket, named('message_end')))).toBe(text);

    await client.sessions.rename(sessionId, 'Winter');
    expect((await readUntil(socket, named('session_renamed'))).at(-1)).toMatchObject({ title: 'Winter' });
    await client.sessions.delete(sessionId);
    // The loop ends by itself.
    expect((await readUntil(socket, () => false)).at(-1)).toMatchObject({ event: 'session_deleted' });
  });

  it('asks and stops', async () => {
    upstream.on('Tell me a long story.', async (reply) => reply.say('Once').then(() => reply.closed));
    const socket = client.openSession(sessionId, { WebSocket });
    const { turnId, isReplay } = await socket.ask({ query: 'Tell me a long story.' });
    await readUntil(socket, named('message'));
    expect(await socket.stop(turnId)).toEqual({ outcome: 'stopped' });
    const end = (await readUntil(socket, named('message_end'))).at(-1);
    expect([isReplay, end]).toEqual([
      false,
      expect.objectContaining({ turn_id: turnId, outcome: 'stopped' }),
    ]);
    socket.close();
    await expect(socket.ask({ query: 'Hi' })).rejects.toThrow('closed');
  });

  it('throws a typed error for a request that fails, and for a session of another user', async () => {
    const socket = client.openSession(sessionId, { WebSocket });
    await expect(socket.ask({ query: ' ' })).rejects.toMatchObject({ status: 400, code: 'invalid-request' });
    socket.close();

    const stranger = createClient({ baseUrl: app.url, token: (await app.createUser()).token ?? '' });
    const foreign = stranger.openSession(sessionId, { WebSocket });
    await expect(readUntil(foreign, () => false)).rejects.toMatchObject({
      status: 404,
      code: 'session-not-found',
    });
  });

  it('renews a token that is no longer valid', async () => {
    const storage = memoryStorage();
    const browser = createClient({ baseUrl: app.url, storage });
    await browser.login({ identifier: user.user.username, password });
    await storage.save({ ...(await storage.load()), jwt: 'expired' });
    const socket = browser.openSession(sessionId, { WebSocket });
    await readUntil(socket, named('connected'));
    socket.close();

    expect((await storage.load())?.jwt).not.toBe('expired');
  });

  const questions = scale({ full: 100, smoke: 5 });
  it('shows whole answers and asks each question once over connections that are cut', async () => {
    const random = randomFor('socket cuts');
    const proxy = await startCuttingProxy(app.url, () => ({ afterReplyBytes: random.between(0, 12_000) }));
    const retry = { firstPauseMs: 1, maxPauseMs: 5 };
    const behind = createClient({ baseUrl: proxy.url, token: user.token ?? '', retry });
    const socket = behind.openSession(sessionId, { WebSocket });
    for (let index = 0; index < questions; index += 1) {
      const query = `Who is cut off ${index}?`;
      const pauses = randomFor('socket pauses', index);
      upstream.on(
        query,
        telling(piecesOf(query, 30), () => pauses.between(0, 4)),
      );
      const asked = socket.ask({ query });
      const events = await readUntil(socket, named('message_end'));
      const { turnId } = await asked;
      const ofTurn = events.filter((event) => 'seq' in event && event.turn_id === turnId);
      expect(textOf(ofTurn)).toBe(piecesOf(query, 30).join(''));
    }
    socket.close();
    await proxy.close();

    const rows = await app.db('chat_conversations').where('query', 'like', 'Who is cut off %');
    const requests = upstream.answers().filter(({ query }) => query.startsWith('Who is cut off'));
    expect([rows.length, requests.length]).toEqual([questions * 2, questions]);
    expect(proxy.cuts()).toBeGreaterThan(0);
  }, 120_000);
});
