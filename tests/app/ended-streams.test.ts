import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';

import { isFull } from '../faults/support/scale';
import { createUpstream, type Upstream } from '../faults/support/upstream';
import { holdsWithin } from '../support/until';
import { password } from '../support/admin';
import { startApp, type App } from '../support/app';
import { createClient, readStream, type Client, type EventStream } from '../support/client';
import { database } from '../support/database';
import { createGate, type Gate } from '../support/gate';
import { logInAgain, register, type Login } from '../support/login';
import { connect } from '../support/socket-client';

let app: App;
/** Another process on the same database. */
let other: string;
let characterId: string;
let upstream: Upstream;

/** How long a client may stay connected after its login has ended. */
const withinMs = 10_000;

beforeAll(async () => {
  app = await startApp();
  other = await app.startAnother();
  characterId = (await app.admin.createCharacter()).documentId;
  upstream = createUpstream(app.dify);
});
afterAll(() => app.stop());

const asClient = ({ jwt, user }: Login, url = app.url): Client => createClient(url, jwt, user);

const said = 'Half of it';
const wholeAnswer = `${said} and the rest.`;

/** Has Dify send the first half of an answer, and the rest when the gate opens. Settles when Dify has the question. */
function answerInHalves(query: string, gate: Gate): Promise<void> {
  return new Promise((resolve) => {
    upstream.on(query, async (reply) => {
      resolve();
      await reply.say(said);
      await gate.opened;
      await reply.say(wholeAnswer.slice(said.length));
      await reply.end();
    });
  });
}

/** Reads a stream until the first half of the answer has arrived. */
async function readHalf({ events }: EventStream): Promise<void> {
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) throw new Error('The stream has ended.');
    if (value.data.answer === said) return;
  }
}

/** The last events of a stream whose login has ended. */
const lastWords = [
  {
    event: 'error',
    data: {
      event: 'error',
      turn_id: expect.any(String),
      code: 'login-ended',
      status: 401,
      message: 'This login has ended. Log in again.',
    },
  },
];

async function expectSaved(query: string): Promise<void> {
  const answerOf = () => app.db('chat_conversations').where({ query, role: 'assistant' }).first();
  expect(await holdsWithin(20_000, async () => (await answerOf())?.outcome === 'completed')).toBe(true);
  expect((await answerOf()).answer).toBe(wholeAnswer);
}

async function expectSoon<T>(pending: Promise<T>, sinceMs: number): Promise<T> {
  const result = await pending;
  expect(performance.now() - sinceMs).toBeLessThan(withinMs);
  return result;
}

/** Ways to end a login. The first process performs all of them. */
const endings: readonly (readonly [name: string, end: (login: Login) => Promise<unknown>])[] = [
  ['its account is blocked', ({ user }) => app.admin.setBlocked(user.documentId, true)],
  [
    'its password is changed',
    (login) =>
      asClient(login).post('/api/auth/change-password', {
        currentPassword: password,
        password: 'Another-Passw0rd',
        passwordConfirmation: 'Another-Passw0rd',
      }),
  ],
  ['its user logs out', (login) => asClient(login).post('/api/auth/logout', {})],
  [
    'its user ends all sessions from another device',
    async (login) => asClient(await logInAgain(app.url, login)).post('/api/auth/logout', { scope: 'all' }),
  ],
];

// The tests run together, because each of them waits for the next check of the logins of other processes.
describe.each(['the same process', 'another process'])('a login that is used in %s', (where) => {
  const url = () => (where === 'another process' ? other : app.url);

  // Each test reads a stream in both processes, so the check needs all endings in one of the two cases only.
  it.concurrent.each(where === 'another process' || isFull ? endings : endings.slice(0, 1))(
    'loses its streams and its WebSocket when %s, but its turn continues',
    async (name, end) => {
      const login = await register(app.url);
      const user = asClient(login, url());
      const gate = createGate();
      const query = `${where}, ${name}, ${randomUUID()}`;
      void answerInHalves(query, gate);
      const asked = await user.stream({ character_id: characterId, query });
      await readHalf(asked);
      const { turn_id, session_id } = await app
        .db({ m: 'chat_conversations' })
        .join({ s: 'chat_sessions' }, 's.id', 'm.session_id')
        .where({ 'm.query': query, 'm.role': 'assistant' })
        .first('m.turn_id', 's.session_id');
      const path = `/api/chat-conversations/turns/${turn_id}/stream`;
      const here = await user.open('GET', path);
      await readHalf(here);
      // The other process does not run the turn, so it streams the saved turn.
      const there = await asClient(login, url() === other ? app.url : other).open('GET', path);
      await readHalf(there);
      const device = await connect(url(), `/ws/${session_id}`, { token: login.jwt });
      await device.until(({ event }) => event === 'connected');

      await end(login);
      const since = performance.now();
      for (const { events } of [asked, here, there]) {
        const rest = await expectSoon(readStream(events), since);
        expect(rest).toMatchObject(lastWords);
      }
      expect(await expectSoon(device.closed, since)).toEqual({ code: 4401, reason: 'unauthorized' });
      gate.open();
      await expectSaved(query);
    },
  );

  it.concurrent('cannot ask over its WebSocket, even before the server closes it', async () => {
    const login = await register(app.url);
    const { body } = await asClient(login).post('/api/chat/session', { character_id: characterId });
    const device = await connect(url(), `/ws/${body.data.session_id}`, { token: login.jwt });
    await device.until(({ event }) => event === 'connected');
    await app.admin.setBlocked(login.user.documentId, true);
    // SQLite supports one process. Another process may accept questions until it closes the connection.
    if (database === 'sqlite' && where === 'another process') await device.closed;
    const query = `Too late, ${where}`;
    device.send({ type: 'ask', query });
    expect(await device.closed).toEqual({ code: 4401, reason: 'unauthorized' });
    expect(await app.db('chat_conversations').where({ query })).toEqual([]);
  });

  it.concurrent('gets 401 instead of a pending JSON answer', async () => {
    const login = await register(app.url);
    const gate = createGate();
    const query = `JSON, ${where}`;
    const asking = answerInHalves(query, gate);
    const asked = asClient(login, url()).ask({ character_id: characterId, query });
    await asking;
    await app.admin.setBlocked(login.user.documentId, true);
    const since = performance.now();
    const { status, body } = await expectSoon(asked, since);
    expect([status, body.error.details.code]).toEqual([401, 'login-ended']);
    gate.open();
    await expectSaved(query);
  });

  it.concurrent('has its running export cut off', async () => {
    const login = await register(app.url);
    const { body } = await asClient(login).post('/api/chat/session', {});
    const session = await app.db('chat_sessions').where({ session_id: body.data.session_id }).first('id');
    const line = 'x'.repeat(100_000);
    const rows = Array.from({ length: 300 }, () => ({
      document_id: randomUUID(),
      message_id: `msg_${randomUUID()}`,
      role: 'user',
      query: line,
      session_id: session.id,
      user_id: login.user.id,
      is_deleted: false,
      created_at: new Date(),
      updated_at: new Date(),
    }));
    await app.db.batchInsert('chat_conversations', rows, 20);

    const sent = request(`${url()}/api/chat/export`, { headers: { Authorization: `Bearer ${login.jwt}` } });
    sent.end();
    // The client does not read yet, so the server still holds most of the export.
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const outcome = new Promise((resolve) => {
      response.once('end', () => resolve('whole'));
      response.once('error', () => resolve('cut off'));
    });
    sent.on('error', () => undefined);
    const cutOffs = () => app.output().split('/api/chat/export: cut off, as its login has ended.').length;
    const before = cutOffs();
    await app.admin.setBlocked(login.user.documentId, true);
    const since = performance.now();
    const isCutOff = () => cutOffs() > before;
    expect(await expectSoon(holdsWithin(withinMs, isCutOff), since)).toBe(true);
    let bytes = 0;
    response.on('data', (chunk: Buffer) => (bytes += chunk.length));
    expect(await outcome).toBe('cut off');
    expect(bytes).toBeLessThan(rows.length * line.length);
  });
});
