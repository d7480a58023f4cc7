import { randomUUID } from 'node:crypto';

import { startApp, type App } from '../support/app';
import { createClient, type Client, type Reply } from '../support/client';
import { codeOf, idsOfTurn, toRequest, type OwnThings } from '../support/route-requests';
import { connect } from '../support/socket-client';

const writesPerMinute = 5;
const charsPerDay = 200_000;

let app: App;
/** A second process, on the same database. */
let other: string;
let characterId: string;

beforeAll(async () => {
  app = await startApp({
    env: {
      CHAT_TURNS_PER_MINUTE: '2',
      CHAT_WRITES_PER_MINUTE: String(writesPerMinute),
      CHAT_STORED_CHARS_PER_DAY: String(charsPerDay),
    },
  });
  characterId = (await app.admin.createCharacter()).documentId;
  other = await app.startAnother();
});
afterAll(() => app.stop());

const at = (url: string, { token, user }: Client) => createClient(url, token, user);
const rowsOf = async ({ user }: Client, table = 'chat_conversations') =>
  (await app.db(table).where({ user_id: user.id })).length;

function expectRefusal(reply: Reply, code: string, limit: number): void {
  const { error } = reply.body;
  // The session API has the code one level higher.
  expect([reply.status, error.details?.code ?? error.code]).toEqual([429, code]);
  expect(Number(reply.headers.get('x-ratelimit-limit'))).toBe(limit);
  expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  const resetMs = Number(reply.headers.get('x-ratelimit-reset')) * 1000;
  expect(resetMs).toBeGreaterThan(Date.now());
}

async function newSession(user: Client): Promise<string> {
  return (await user.post('/api/chat/session', { character_id: characterId })).body.data.session_id;
}

async function useUp(user: Client): Promise<void> {
  for (let count = 0; count < writesPerMinute; count += 1) {
    await user.request('DELETE', `/api/chat/sessions/${randomUUID()}`);
  }
}

describe('writes of a user per minute', () => {
  it('are refused above the limit, and nothing is written', async () => {
    const [user, neighbour] = [await app.createUser(), await app.createUser()];
    const session_id = await newSession(user);
    const statuses: number[] = [];
    for (let count = 0; count < writesPerMinute - 1; count += 1) {
      statuses.push((await user.post('/api/chat/message', { session_id, content: 'A line' })).status);
    }
    expect(statuses).toEqual([200, 200, 200, 200]);
    const refused = await user.post('/api/chat/message', { session_id, content: 'One more' });
    expectRefusal(refused, 'rate-limited', writesPerMinute);
    expect(refused.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(await rowsOf(user)).toBe(writesPerMinute - 1);
    // Reads and the writes of other users do not count.
    expect((await user.myList()).body.data).toHaveLength(writesPerMinute - 1);
    expect(await newSession(neighbour)).toEqual(expect.any(String));
  });

  it('are limited across two processes that get writes at the same time', async () => {
    const user = await app.createUser();
    const replies = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        at(index % 2 === 0 ? app.url : other, user).post('/api/chat/session', {}),
      ),
    );
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(writesPerMinute);
    expect(await rowsOf(user, 'chat_sessions')).toBe(writesPerMinute);
  });

  it('and turns have separate limits', async () => {
    const user = await app.createUser();
    await useUp(user);
    const { status, body } = await user.ask({ character_id: characterId, query: 'May I ask?' });
    expect([status, body.data[1].outcome]).toEqual([200, 'completed']);
    expect(await app.db('chat_limits').where('key', 'like', `writes:${user.user.documentId}`)).toHaveLength(
      1,
    );
  });

  it('are allowed again after the minute', async () => {
    const user = await app.createUser();
    await useUp(user);
    // The server has not refused this user yet. It refuses a refused user from memory until the minute is over.
    await app
      .db('chat_limits')
      .where({ key: `writes:${user.user.documentId}` })
      .update({ expire: Date.now() - 1 });
    expect((await user.post('/api/chat/session', {})).status).toBe(200);
  });
});

describe('characters that a user stores in a day', () => {
  const line = 'x'.repeat(20_000);

  it('are limited together for messages and questions, across all processes', async () => {
    const user = await app.createUser();
    const session_id = await newSession(user);
    const refresh = () =>
      app
        .db('chat_limits')
        .where({ key: `writes:${user.user.documentId}` })
        .update({ points: 0 });
    let refused: Reply | undefined;
    for (let count = 0; count < 30 && refused === undefined; count += 1) {
      await refresh();
      const reply = await at(count % 2 === 0 ? app.url : other, user).post('/api/chat/message', {
        session_id,
        content: line,
      });
      if (reply.status !== 200) refused = reply;
    }
    if (refused === undefined) throw new Error('Nothing was refused.');
    expectRefusal(refused, 'text-limit-reached', charsPerDay);
    // Each process may exceed the limit by 50,000 characters.
    const stored = (await rowsOf(user)) * line.length;
    expect(stored).toBeGreaterThan(charsPerDay - 2 * line.length);
    expect(stored).toBeLessThan(charsPerDay + 2 * 50_000);
    await refresh();
    const asked = await user.ask({ character_id: characterId, query: line });
    expect([asked.status, asked.body.error.details.code]).toEqual([429, 'text-limit-reached']);
    // A write without text still works.
    expect((await user.request('DELETE', `/api/chat/sessions/${session_id}`)).status).toBe(200);
  });
});

describe('a WebSocket', () => {
  it('cannot stop a turn above the limit of writes, but can ask', async () => {
    const user = await app.createUser();
    const session_id = await newSession(user);
    await useUp(user);
    const device = await connect(app.url, `/ws/${session_id}`, { token: user.token });
    device.send({ type: 'stop', turn_id: randomUUID(), request_id: 'stop' });
    const refused = await device.until((frame) => frame['request_id'] === 'stop');
    expect(refused).toMatchObject({
      event: 'request_failed',
      code: 'rate-limited',
      status: 429,
      retry_after: expect.any(Number),
      rate_limit: { limit: writesPerMinute, remaining: 0 },
    });
    device.send({ type: 'ask', query: 'And now?', request_id: 'ask' });
    await device.until((frame) => frame['request_id'] === 'ask' && frame.event === 'request_done');
    await device.leave();
  });
});

/** Routes that only read, although their method is not GET. Every other such route must have the limit. */
const others: Readonly<Record<string, string>> = { 'POST /api/chat/sessions': 'lists' };
/** Returns whether a route is only for API tokens, and for roles that an administrator allows. */
const isClosed = (route: string) =>
  / \/api\/(chat-conversations|chat-sessions|ai-characters)(\/:id)?$/u.test(route);
/** GET routes that run a model. */
const costly = ['GET /api/chat-conversations/messages/:message_id/suggested'];

describe('every route that writes', () => {
  let things: OwnThings;
  let user: Client;

  beforeAll(async () => {
    user = await app.createUser();
    const asked = (await user.ask({ character_id: characterId, query: 'Hello' })).body.data;
    await user.ask({ character_id: characterId, query: 'Used up' });
    await useUp(user);
    things = { characterId, ids: { ...idsOfTurn(asked), "Ada's documentId": characterId } };
  });

  it('returns 429 to a user who has used up the limit', async () => {
    const { body } = await app.admin.client.get('/users-permissions/routes');
    const apis = Object.entries(body.routes as Record<string, { method: string; path: string }[]>);
    const routes = apis
      .filter(([api]) => api.startsWith('api::'))
      .flatMap(([, list]) => list.map(({ method, path }) => `${method} ${path}`));
    const writing = [...routes.filter((route) => !route.startsWith('GET ')), ...costly];
    expect(writing.length).toBeGreaterThan(25);
    const found: Record<string, unknown> = {};
    const expected: Record<string, unknown> = {};
    for (const route of writing) {
      const { method, path, options } = toRequest(route, things);
      const reply = await user.request(method, path, options);
      found[route] = [reply.status, codeOf(reply.body)];
      if (isClosed(route)) expected[route] = [403, null];
      else if (route.includes('/openai/')) expected[route] = [429, 'rate_limit_exceeded'];
      else expected[route] = others[route] === undefined ? [429, 'rate-limited'] : [200, null];
    }
    expect(found).toEqual(expected);
  });
});
