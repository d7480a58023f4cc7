import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { database } from '../support/database';
import { createGate } from '../support/gate';
import {
  connect,
  refusalOf,
  turnFrames,
  type Device,
  type Handshake,
  type SocketFrame,
} from '../support/socket-client';

let app: App;
let user: Client;
let characterId: string;
const devices: Device[] = [];

beforeAll(async () => {
  app = await startApp({
    env: {
      CHAT_WS_MAX_PER_USER: '2',
      CHAT_WS_MAX_CONNECTIONS: '4',
      CHAT_WS_HEARTBEAT_SECONDS: '0.3',
      CHAT_STALLED_READER_SECONDS: '1',
      CHAT_MAX_LIVE_LOG_CHARS: '64000000',
      DATABASE_CONNECTION_TIMEOUT_MS: '1000',
    },
  });
  user = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());
afterEach(async () => {
  app.dify.reset();
  await Promise.all(devices.splice(0).map((device) => leave(device)));
});

/** Closes a device and waits until the server has closed it, too. */
async function leave(device: Device): Promise<void> {
  device.socket.resume();
  device.socket.close();
  await device.closed;
}

async function newSession(as: Client, character = characterId): Promise<string> {
  return (await as.post('/api/chat/session', { character_id: character })).body.data.session_id;
}

async function open(
  sessionId: string,
  as = user,
  { url = app.url, ...options }: Handshake & { url?: string } = {},
): Promise<Device> {
  const device = await connect(url, `/ws/${sessionId}`, { token: as.token, ...options });
  devices.push(device);
  await device.until(named('connected'));
  return device;
}

const named = (name: string) => (frame: SocketFrame) => frame.event === name;
const isTerminal = ({ event }: SocketFrame) => event === 'message_end' || event === 'error';

describe('WebSocket connections', () => {
  it('are limited for each user, and a closed one makes room', async () => {
    const [sessionId, other] = [await newSession(user), await app.createUser()];
    const first = await open(sessionId);
    await open(sessionId);
    const refused = await refusalOf(connect(app.url, `/ws/${sessionId}`, { token: user.token }));
    expect([refused.status, refused.code]).toEqual([429, 'too-many-connections']);
    expect(refused.headers['retry-after']).toBe('5');
    const late = await connect(app.url, `/ws/${sessionId}`);
    late.send({ type: 'auth', token: user.token });
    expect(await late.closed).toEqual({ code: 4429, reason: 'too-many-connections' });

    await open(await newSession(other), other);
    await leave(first);
    await open(sessionId);
  });

  it('are limited for a process, and to a tenth of that for clients without a login', async () => {
    const sessionId = await newSession(user);
    const waiting = await connect(app.url, `/ws/${sessionId}`);
    devices.push(waiting);
    const refused = await refusalOf(connect(app.url, `/ws/${sessionId}`));
    expect([refused.status, refused.code]).toEqual([503, 'server-busy']);
    expect(refused.headers['retry-after']).toBe('5');

    await open(sessionId);
    const other = await app.createUser();
    const theirs = await newSession(other);
    await open(theirs, other);
    await open(theirs, other);
    expect((await refusalOf(connect(app.url, `/ws/${sessionId}`, { token: user.token }))).status).toBe(503);
    // After its login, it no longer counts to the tenth.
    waiting.send({ type: 'auth', token: user.token });
    await waiting.until(named('connected'));
    await leave(waiting);
    devices.push(await connect(app.url, `/ws/${sessionId}`));
  });

  it('of a refused client do not count', async () => {
    const sessionId = await newSession(user);
    for (let i = 0; i < 8; i += 1) {
      expect((await refusalOf(connect(app.url, `/ws/${sessionId}`, { token: 'nonsense' }))).status).toBe(401);
      expect((await refusalOf(connect(app.url, '/ws/none', { token: user.token }))).status).toBe(404);
    }
    await open(sessionId);
    await open(sessionId);
  });

  it('are closed after five seconds without a login', async () => {
    const device = await connect(app.url, `/ws/${await newSession(user)}`);
    const start = performance.now();
    expect(await device.closed).toEqual({ code: 4401, reason: 'unauthorized' });
    expect(performance.now() - start).toBeGreaterThan(4_000);
    expect(performance.now() - start).toBeLessThan(7_000);
  });
});

describe('a WebSocket client', () => {
  it('is disconnected if it answers no ping, and stays connected if it does', async () => {
    const sessionId = await newSession(user);
    const dead = await open(sessionId, user, { autoPong: false });
    const alive = await open(sessionId);
    expect((await dead.closed).code).toBe(1006);
    alive.send({ type: 'ping' });
    await alive.until(named('pong'));
  });
});

describe('a WebSocket client that reads nothing', () => {
  it('is dropped without an effect on others, and gets the whole text when it comes back', async () => {
    const sessionId = await newSession(user);
    // The client sends pings but reads nothing, so only its waiting frames show that it is stalled.
    // With the short limits of the other tests, the heartbeat could drop it first. It could also drop the other client
    // while this process is busy.
    const url = await app.startAnother({
      CHAT_WS_HEARTBEAT_SECONDS: '30',
      CHAT_STALLED_READER_SECONDS: '5',
    });
    const stalled = await open(sessionId, user, { url });
    const reading = await open(sessionId, user, { url });
    stalled.socket.pause();
    const alive = setInterval(() => stalled.socket.ping(), 100);
    const { opened: dropped, open: drop } = createGate();
    app.dify.script(async (reply) => {
      for (let index = 0; index < 16_000; index += 1) await reply.say(String(index % 10));
      await dropped;
      await reply.end();
    });
    reading.send({ type: 'ask', query: 'A long one' });
    const { turn_id: turnId } = await reading.until(named('turn_started'));
    while (!app.output().includes('a stalled reader was dropped')) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    clearInterval(alive);
    drop();
    await reading.until(isTerminal);
    const whole = turnFrames(reading.frames, turnId);
    expect(whole.map(({ seq }) => seq)).toEqual(whole.map((_frame, index) => index + 1));

    stalled.socket.resume();
    await stalled.closed;
    const taken = turnFrames(stalled.frames, turnId);
    expect(taken).toEqual(whole.slice(0, taken.length));
    expect(taken.length).toBeLessThan(whole.length);
    const back = await open(sessionId, user, { url });
    back.send({ type: 'resume', turn_id: turnId, after: taken.length });
    expect(await back.until(isTerminal)).toMatchObject({ event: 'message_end' });
    expect(shown([...taken, ...turnFrames(back.frames, turnId)])).toBe(shown(whole));
  });
});

function shown(frames: readonly SocketFrame[]): string {
  return frames.reduce((text, { event, answer }) => {
    if (event === 'message') return text + String(answer);
    return event === 'message_replace' ? String(answer) : text;
  }, '');
}

describe('while the database is away', () => {
  const away = database === 'postgres' ? it : it.skip;

  away('a login gets 503 instead of 401, and connected clients stay connected', async () => {
    const sessionId = await newSession(user);
    const device = await open(sessionId);
    const late = await connect(app.url, `/ws/${sessionId}`);
    const bringBack = await app.database.refuseConnections();
    const refused = await refusalOf(connect(app.url, `/ws/${sessionId}`, { token: user.token }));
    late.send({ type: 'auth', token: user.token });
    const closing = await late.closed;
    device.send({ type: 'ask', query: 'Anybody there?', request_id: 'away' });
    const failed = await device.until((frame) => frame['request_id'] === 'away');
    await bringBack();

    expect([refused.status, refused.code]).toEqual([503, 'database-unavailable']);
    expect(closing).toEqual({ code: 1013, reason: 'database-unavailable' });
    expect(failed).toMatchObject({ code: 'database-unavailable', status: 503, retry_after: 5 });
    device.send({ type: 'ask', query: 'And now?', request_id: 'back' });
    await device.until((frame) => frame['request_id'] === 'back');
    await device.until(isTerminal);
  });
});

describe('a process that gets SIGTERM', () => {
  it('sends its devices the end of their answers, then closes their connections', async () => {
    const leaving = await startApp();
    const somebody = await leaving.createUser();
    const { documentId } = await leaving.admin.createCharacter();
    const sessionId = await newSession(somebody, documentId);
    const { opened: finished, open: finish } = createGate();
    leaving.dify.script(async (reply) => {
      await reply.say('one');
      await finished;
      await reply.say(' two');
      await reply.end();
    });
    const path = `/ws/${sessionId}`;
    const device = await connect(leaving.url, path, { token: somebody.token });
    const unknown = await connect(leaving.url, path);
    device.send({ type: 'ask', query: 'Are you there?' });
    await device.until(named('message'));

    const exited = leaving.signal('SIGTERM');
    while ((await leaving.anonymous.get('/api/chat/ready')).status !== 503);
    const refused = await refusalOf(connect(leaving.url, path, { token: somebody.token }));
    expect([refused.status, refused.code]).toEqual([503, 'server-stopping']);
    device.send({ type: 'ask', query: 'One more?', request_id: 'more' });
    expect(await device.until((frame) => frame['request_id'] === 'more')).toMatchObject({
      code: 'server-stopping',
    });
    finish();
    expect(await device.closed).toEqual({ code: 1001, reason: 'server-stopping' });
    expect(shown(device.frames)).toBe('one two');
    expect(device.frames.at(-1)).toMatchObject({ event: 'message_end', outcome: 'completed' });
    expect((await unknown.closed).code).toBe(1001);
    expect(await exited).toBe(0);
    await leaving.stop();
  });
});
