import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';

import { startApp, type App } from '../support/app';
import { readStream, type Client, type StreamEvent } from '../support/client';
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
let stranger: Client;
let characterId: string;
const devices: Device[] = [];

const origin = 'https://app.example';

beforeAll(async () => {
  app = await startApp({
    env: {
      CORS_ORIGINS: origin,
      CHAT_STOP_GRACE_SECONDS: '0.5',
      CHAT_WS_MESSAGES_PER_SECOND: '50',
      CHAT_WS_MAX_MESSAGE_BYTES: '100000',
    },
  });
  user = await app.createUser();
  stranger = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());
afterEach(async () => {
  for (const device of devices.splice(0)) device.drop();
  app.dify.reset();
  await app.dify.idle();
});

async function newSession(as = user): Promise<string> {
  const { body } = await as.post('/api/chat/session', { title: 'Winter', character_id: characterId });
  return body.data.session_id;
}

/** Connects a device and waits for its `connected` frame. */
async function open(sessionId: string, { as = user, ...handshake }: Handshake & { as?: Client } = {}) {
  const device = await connect(app.url, `/ws/${sessionId}`, { token: as.token, ...handshake });
  devices.push(device);
  await device.until(named('connected'));
  return device;
}

function openAnonymous(sessionId: string): Promise<Device> {
  return connect(app.url, `/ws/${sessionId}`).then((device) => {
    devices.push(device);
    return device;
  });
}

const refusal = (path: string, handshake: Handshake) => refusalOf(connect(app.url, path, handshake));
const named = (name: string) => (frame: SocketFrame) => frame.event === name;
const reply = (requestId: string) => (frame: SocketFrame) => frame['request_id'] === requestId;
const isTerminal = ({ event }: SocketFrame) => event === 'message_end' || event === 'error';
const endOf = (turnId: string) => (frame: SocketFrame) => isTerminal(frame) && frame['turn_id'] === turnId;

/** Converts events of an event stream to WebSocket frames. */
const toFrames = (events: readonly StreamEvent[]) => events.map(({ id, data }) => ({ seq: id, ...data }));

const ask = (sessionId: string, query: string, as = user) =>
  as.streamAll({ character_id: characterId, query, session_id: sessionId });

/** Scripts an answer: one word immediately, and the rest after the gate opens. */
function holdAnswer() {
  const gate = createGate();
  app.dify.script(async (answer) => {
    await answer.say('one');
    await gate.opened;
    await answer.say(' two');
    await answer.end();
  });
  return gate;
}

/** Starts a turn whose answer does not end by itself. @returns the turn and the device that has asked. */
async function askForEver(query: string) {
  app.dify.script(async (answer) => {
    await answer.say('endless');
    await answer.closed;
  });
  const sessionId = await newSession();
  const device = await open(sessionId);
  device.send({ type: 'ask', query });
  const { turn_id: turnId } = await device.until(named('message'));
  return { sessionId, device, turnId };
}

describe('the login of a WebSocket', () => {
  it('works with the Authorization header', async () => {
    const sessionId = await newSession();
    const device = await open(sessionId);
    expect(device.frames).toEqual([{ event: 'connected', session_id: sessionId, live_turn_id: null }]);
    expect(device.socket.protocol).toBe('');
  });

  it('works with an upper-case id, a slash after the path and text in binary frames', async () => {
    const sessionId = await newSession();
    const device = await connect(app.url, `/ws/${sessionId.toUpperCase()}/`);
    devices.push(device);
    device.socket.send(Buffer.from(JSON.stringify({ type: 'auth', token: user.token })));
    expect((await device.until(named('connected')))['session_id']).toBe(sessionId);
    device.socket.send(Buffer.from(JSON.stringify({ type: 'ask', query: 'In bytes 好' })));
    const { turn_id } = await device.until(isTerminal);
    const request = { type: 'resume', request_id: 'capitals', turn_id: turn_id.toUpperCase() };
    device.socket.send(Buffer.from(JSON.stringify(request)));
    expect(await device.until(reply('capitals'))).toMatchObject({ event: 'request_done', turn_id });
  });

  it('works with the subprotocol bearer, which the server returns', async () => {
    const sessionId = await newSession();
    const protocols = ['bearer', user.token ?? ''];
    const device = await connect(app.url, `/ws/${sessionId}`, { protocols });
    expect((await device.until(named('connected')))['session_id']).toBe(sessionId);
    expect(device.socket.protocol).toBe('bearer');
    await device.leave();
  });

  it('works with the first frame', async () => {
    const sessionId = await newSession();
    const device = await openAnonymous(sessionId);
    device.send({ type: 'auth', token: user.token });
    device.send({ type: 'ping', request_id: 'early' });
    await device.until(reply('early'));
    expect(device.frames.map(({ event }) => event)).toEqual(['connected', 'pong']);
  });

  it.each([
    ['an invalid token', { token: 'nonsense' }],
    ['a subprotocol with an invalid token', { protocols: ['bearer', 'nonsense'] }],
  ])('is refused for %s', async (_name, handshake) => {
    const refused = await refusal(`/ws/${await newSession()}`, handshake);
    expect([refused.status, refused.code]).toEqual([401, 'unauthorized']);
  });

  it('does not work with the query string', async () => {
    const device = await connect(
      app.url,
      `/ws/${await newSession()}?token=${user.token}&access_token=${user.token}`,
    );
    devices.push(device);
    expect(await device.closed).toEqual({ code: 4401, reason: 'unauthorized' });
    expect(device.frames).toEqual([]);
  });

  it.each([
    ['an invalid token', JSON.stringify({ type: 'auth', token: 'nonsense' })],
    ['a question', JSON.stringify({ type: 'ask', query: 'Who am I?' })],
    ['no JSON', 'Hello?'],
    ['an empty frame', ''],
  ])('by the first frame is refused for %s', async (_name, frame) => {
    const device = await openAnonymous(await newSession());
    device.send(frame);
    expect(await device.closed).toEqual({ code: 4401, reason: 'unauthorized' });
    expect(device.frames).toEqual([]);
  });

  it('is refused for a blocked user', async () => {
    const gone = await app.createUser();
    const sessionId = await newSession(gone);
    await app.db('up_users').where({ id: gone.user.id }).update({ blocked: true });
    expect((await refusal(`/ws/${sessionId}`, { token: gone.token })).status).toBe(401);
  });

  it('is refused for a role without the permission', async () => {
    const sessionId = await newSession();
    const action = 'api::chat-session.session-socket.open';
    await app.admin.setAllowed(action, false);
    const refused = await refusal(`/ws/${sessionId}`, { token: user.token });
    await app.admin.setAllowed(action, true);
    expect([refused.status, refused.code]).toEqual([403, 'forbidden']);
  });

  it('returns 426 for a plain HTTP request', async () => {
    const path = `/ws/${await newSession()}`;
    for (const prefix of ['', '/api']) {
      const { status, body, headers } = await user.get(`${prefix}${path}`);
      expect([status, body.error.code]).toEqual([426, 'upgrade-required']);
      expect(headers.get('upgrade')).toBe('websocket');
    }
    expect((await app.anonymous.get(path)).status).toBe(401);
  });
});

describe('the origin of a page', () => {
  it.each([
    [origin, true],
    ['https://evil.example', false],
    ['https://app.example.evil.example', false],
    ['null', false],
  ])('%s is allowed: %s', async (from, isAllowed) => {
    const sessionId = await newSession();
    if (isAllowed) {
      await open(sessionId, { headers: { Origin: from } });
    } else {
      const refused = await refusal(`/ws/${sessionId}`, { token: user.token, headers: { Origin: from } });
      expect([refused.status, refused.code]).toEqual([403, 'forbidden']);
      // The server refuses a client without a token, too, before its login.
      expect((await refusal(`/ws/${sessionId}`, { headers: { Origin: from } })).status).toBe(403);
    }
  });
});

describe('a session with WebSockets', () => {
  it('of another user gets the same refusal as an unknown session', async () => {
    const sessionId = await newSession(stranger);
    const theirs = await refusal(`/ws/${sessionId}`, { token: user.token });
    const nobodys = await refusal(`/ws/${randomUUID()}`, { token: user.token });
    expect([theirs.status, theirs.code]).toEqual([404, 'session-not-found']);
    expect(theirs.body).toBe(nobodys.body);
    expect(theirs.headers).toEqual(nobodys.headers);

    for (const id of [sessionId, randomUUID(), 'x', '%00', `${'a'.repeat(500)}`]) {
      const device = await openAnonymous(id);
      device.send({ type: 'auth', token: user.token });
      expect(await device.closed).toEqual({ code: 4404, reason: 'session-not-found' });
      expect(device.frames).toEqual([]);
    }
  });

  it('returns 404 after it was deleted', async () => {
    const sessionId = await newSession();
    await user.request('DELETE', `/api/chat/sessions/${sessionId}`);
    expect((await refusal(`/ws/${sessionId}`, { token: user.token })).status).toBe(404);
  });

  it('sends session_deleted and closes its connections when it is deleted', async () => {
    const sessionId = await newSession();
    const both = [await open(sessionId), await open(sessionId)];
    await user.request('DELETE', `/api/chat/sessions/${sessionId}`);
    for (const device of both) {
      expect(await device.closed).toEqual({ code: 4404, reason: 'session-not-found' });
      expect(device.frames.at(-1)).toEqual({ event: 'session_deleted', session_id: sessionId });
    }
  });

  it('sends the end of its live turn before session_deleted', async () => {
    const { sessionId, device, turnId } = await askForEver('Forget me');
    await user.request('DELETE', `/api/chat/sessions/${sessionId}`);
    await device.closed;
    expect(device.frames.slice(-2)).toMatchObject([
      { event: 'message_end', turn_id: turnId, outcome: 'stopped' },
      { event: 'session_deleted' },
    ]);
  });

  it('closes its connections within five seconds when another process deletes it', async () => {
    const sessionId = await newSession();
    const device = await open(sessionId);
    const start = performance.now();
    await app.db('chat_sessions').where({ session_id: sessionId }).update({ is_deleted: true });
    expect((await device.closed).code).toBe(4404);
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('closes its connections within five seconds when its user is blocked, and no other connections', async () => {
    const gone = await app.createUser();
    const [device, other] = [
      await open(await newSession(gone), { as: gone }),
      await open(await newSession()),
    ];
    const start = performance.now();
    await app.db('up_users').where({ id: gone.user.id }).update({ blocked: true });
    expect(await device.closed).toEqual({ code: 4401, reason: 'unauthorized' });
    expect(performance.now() - start).toBeLessThan(5_000);
    other.send({ type: 'ping', request_id: 'still here' });
    await other.until(reply('still here'));
  });
});

describe('the turns of a session', () => {
  it('are sent to every device of the session like an event stream, and to no other device', async () => {
    const sessionId = await newSession();
    const both = [await open(sessionId), await open(sessionId)];
    const elsewhere = [
      await open(await newSession()),
      await open(await newSession(stranger), { as: stranger }),
    ];
    const stream = await ask(sessionId, 'What do you see?');
    const turnId = String(stream[0]?.data.turn_id);
    for (const device of both) {
      await device.until(endOf(turnId));
      expect(device.frames.slice(1)).toEqual(toFrames(stream));
    }
    for (const device of elsewhere) {
      device.send({ type: 'ping' });
      await device.until(named('pong'));
      expect(device.frames.map(({ event }) => event)).toEqual(['connected', 'pong']);
    }
  });

  it('are sent for every API that starts them', async () => {
    const sessionId = await newSession();
    const device = await open(sessionId);
    const first = await ask(sessionId, 'By create-message');
    const firstId = String(first[0]?.data.turn_id);
    const again = await user.post(`/api/chat-conversations/turns/${firstId}/regenerate`, {});
    const third = await user.post('/api/chat/message', {
      session_id: sessionId,
      content: 'By the session API',
      reply: true,
    });
    for (const turnId of [firstId, again.body.data[0].turn_id, third.body.data.turn_id]) {
      await device.until(endOf(turnId));
      const frames = turnFrames(device.frames, turnId);
      expect(frames.map(({ seq }) => seq)).toEqual(frames.map((_frame, index) => index + 1));
      expect(frames[0]?.event).toBe('turn_started');
    }
  });

  it('are sent from the beginning to a device that connects during a turn', async () => {
    const sessionId = await newSession();
    const gate = holdAnswer();
    const stream = await user.stream({ character_id: characterId, query: 'Late', session_id: sessionId });
    const first = [(await stream.events.next()).value, (await stream.events.next()).value];
    const turnId = String(first[0]?.data.turn_id);
    const device = await open(sessionId);
    expect(device.frames[0]).toMatchObject({ event: 'connected', live_turn_id: turnId });
    gate.open();
    const all = [...first, ...(await readStream(stream.events))] as StreamEvent[];
    await device.until(endOf(turnId));
    expect(device.frames.slice(1)).toEqual(toFrames(all));
  });
});

describe('a WebSocket client', () => {
  it('asks a question and gets the id of its turn', async () => {
    const sessionId = await newSession();
    const [asking, watching] = [await open(sessionId), await open(sessionId)];
    asking.send({ type: 'ask', query: 'By socket', request_id: 1 });
    const done = await asking.until((frame) => frame['request_id'] === 1);
    expect(done).toMatchObject({ event: 'request_done', type: 'ask', is_replay: false });
    const turnId = String(done['turn_id']);
    for (const device of [asking, watching]) await device.until(endOf(turnId));
    expect(turnFrames(asking.frames, turnId)).toEqual(turnFrames(watching.frames, turnId));
    const end = await asking.until(endOf(turnId));
    const { body } = await user.get(`/api/chat-conversations/turns/${turnId}`);
    expect(end['data']).toEqual(body.data.messages);
    expect(body.data).toMatchObject({ session_id: sessionId, outcome: 'completed' });
  });

  it('asks once for each idempotency_key, also after a lost connection', async () => {
    const sessionId = await newSession();
    const question = { type: 'ask', query: 'Once', idempotency_key: randomUUID(), request_id: 'q' };
    const lost = await open(sessionId);
    lost.send(question);
    await lost.until(named('turn_started'));
    lost.drop();
    const device = await open(sessionId);
    device.send(question);
    const { turn_id: turnId } = await device.until(reply('q'));
    expect(turnId).toBe(lost.frames.find(named('turn_started'))?.['turn_id']);
    await device.until(endOf(turnId));
    const before = device.frames.length;
    device.send({ ...question, request_id: 'q2' });
    expect(await device.until(reply('q2'))).toMatchObject({ turn_id: turnId, is_replay: true });
    await device.until((frame) => isTerminal(frame) && device.frames.indexOf(frame) >= before);
    expect((await user.get(`/api/chat/sessions/${sessionId}`)).body.data.message_count).toBe(2);
  });

  it('stops an answer', async () => {
    const { device, turnId } = await askForEver('Stop me');
    device.send({ type: 'stop', turn_id: turnId, request_id: 's' });
    expect(await device.until(reply('s'))).toEqual({
      event: 'request_done',
      type: 'stop',
      turn_id: turnId,
      outcome: 'stopped',
      request_id: 's',
    });
    expect(await device.until(endOf(turnId))).toMatchObject({ event: 'message_end', outcome: 'stopped' });
  });

  it('resumes an ended turn where it left it, and a live turn without duplicate frames', async () => {
    const sessionId = await newSession();
    const stream = await ask(sessionId, 'Ended');
    const turnId = String(stream[0]?.data.turn_id);
    const device = await open(sessionId);
    device.send({ type: 'resume', turn_id: turnId, after: 3, request_id: 'r' });
    await device.until(reply('r'));
    await device.until(endOf(turnId));
    expect(turnFrames(device.frames, turnId)).toEqual(
      toFrames(
        await readStream(
          (
            await user.open('GET', `/api/chat-conversations/turns/${turnId}/stream`, {
              headers: { 'Last-Event-ID': '3' },
            })
          ).events,
        ),
      ),
    );

    const gate = holdAnswer();
    device.send({ type: 'ask', query: 'Running', request_id: 'a' });
    const { turn_id: running } = await device.until(reply('a'));
    await device.until((frame) => frame.event === 'message' && frame['turn_id'] === running);
    device.send({ type: 'resume', turn_id: running, after: 0, request_id: 'r2' });
    await device.until(reply('r2'));
    gate.open();
    await device.until(endOf(running));
    const frames = turnFrames(device.frames, running);
    expect(frames.map(({ seq }) => seq)).toEqual(frames.map((_frame, index) => index + 1));
  });

  it("cannot stop or resume another user's turn", async () => {
    const theirs = await ask(await newSession(stranger), 'Theirs', stranger);
    const device = await open(await newSession());
    for (const [index, turn_id] of [String(theirs[0]?.data.turn_id), randomUUID()].entries()) {
      for (const type of ['stop', 'resume']) {
        const request_id = `${type} ${index}`;
        device.send({ type, turn_id, request_id });
        expect(await device.until(reply(request_id))).toMatchObject({
          event: 'request_failed',
          code: 'turn-not-found',
          status: 404,
        });
      }
    }
  });

  it.each([
    ['no JSON', '{', {}],
    ['an empty frame', '', {}],
    ['a list', '[]', {}],
    ['a number', '7', {}],
    ['null', 'null', {}],
    ['no type', '{"request_id":"x"}', { request_id: 'x' }],
    ['an unknown type', '{"type":"auth","token":"x"}', { type: 'auth' }],
    ['no question', '{"type":"ask"}', { type: 'ask' }],
    ['a blank question', '{"type":"ask","query":" "}', { type: 'ask' }],
    ['a question that is too long', JSON.stringify({ type: 'ask', query: 'x'.repeat(20_001) }), {}],
    ['inputs that are a list', '{"type":"ask","query":"Hi","inputs":[]}', {}],
    ['a key with spaces', '{"type":"ask","query":"Hi","idempotency_key":"a b"}', {}],
    ['a stop without turn_id', '{"type":"stop"}', { type: 'stop' }],
    ['an invalid position', `{"type":"resume","turn_id":"${randomUUID()}","after":-1}`, {}],
    [
      'very deep JSON',
      `{"type":"ask","query":"Hi","inputs":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`,
      {},
    ],
  ])('gets an error for %s, and stays connected', async (_name, frame, label) => {
    const device = await open(await newSession());
    device.send(frame);
    expect(await device.until(named('request_failed'))).toMatchObject({
      code: 'invalid-request',
      status: 400,
      message: expect.any(String),
      ...label,
    });
    device.socket.send(Buffer.from([1, 2, 3]));
    device.send({ type: 'ping', request_id: 'p' });
    await device.until(reply('p'));
    expect(device.frames.filter(named('request_failed'))).toHaveLength(2);
  });

  it('gets the same errors as over HTTP for a question that is refused', async () => {
    const sessionId = await newSession();
    const device = await open(sessionId);
    const gate = holdAnswer();
    device.send({ type: 'ask', query: 'First', request_id: 'first' });
    const { turn_id: turnId } = await device.until(reply('first'));
    device.send({ type: 'ask', query: 'Second', request_id: 'second' });
    expect(await device.until(reply('second'))).toMatchObject({
      event: 'request_failed',
      type: 'ask',
      code: 'turn-in-progress',
      status: 409,
      details: { turn_id: turnId },
    });
    device.send({ type: 'ask', query: 'Third', character_id: 'nobody', request_id: 'third' });
    expect(await device.until(reply('third'))).toMatchObject({ code: 'character-not-found', status: 400 });
    gate.open();
    await device.until(endOf(turnId));
  });
});

describe('changes of a session outside its turns', () => {
  it('are sent to its devices', async () => {
    const sessionId = await newSession();
    const device = await open(sessionId);
    const added = await user.post('/api/chat/message', { session_id: sessionId, content: 'Hello' });
    const { message_id: id, public_id: publicId } = added.body.data;
    const path = `/api/chat/messages/${id}`;
    await user.request('PATCH', path, { body: { new_content: 'Hello again' } });
    await user.request('PUT', `/api/chat-conversations/messages/${publicId}/read`);
    await user.request('DELETE', path);
    await user.request('POST', `${path}/restore`);
    await user.request('PATCH', `/api/chat/sessions/${sessionId}`, { body: { new_title: 'Spring' } });
    await device.until(named('session_renamed'));

    const ids = { session_id: sessionId, id, message_id: publicId };
    const content = (text: string) => expect.objectContaining({ content: text, public_id: publicId });
    expect(device.frames.slice(1)).toEqual([
      { event: 'message_added', ...ids, message: added.body.data },
      { event: 'message_edited', ...ids, message: content('Hello again') },
      { event: 'message_read', ...ids },
      { event: 'message_deleted', ...ids },
      { event: 'message_restored', ...ids, message: content('Hello again') },
      { event: 'session_renamed', session_id: sessionId, title: 'Spring' },
    ]);
  });
});

describe('the limits of a WebSocket', () => {
  it('close it with 1009 for a frame that is too large', async () => {
    const device = await open(await newSession());
    device.send({ type: 'ask', query: 'x'.repeat(100_000) });
    expect((await device.closed).code).toBe(1009);
  });

  it('close it with 1008 for too many frames', async () => {
    const device = await open(await newSession());
    for (let i = 0; i < 200; i += 1) device.send({ type: 'ping' });
    expect((await device.closed).code).toBe(1008);
    expect(device.frames.length).toBeLessThan(110);
  });

  it('close it with 1008 for too many protocol pings', async () => {
    const device = await open(await newSession());
    for (let i = 0; i < 200; i += 1) device.socket.ping();
    expect((await device.closed).code).toBe(1008);
  });

  it('allow a protocol ping, which the server answers', async () => {
    const device = await open(await newSession());
    const pong = new Promise((resolve) => device.socket.once('pong', (data) => resolve(data.toString())));
    device.socket.ping('hello');
    expect(await pong).toBe('hello');
  });
});

describe('an upgrade to another protocol', () => {
  it('is ignored, and the server handles the request with its body', async () => {
    const body = JSON.stringify({ title: 'By Java', character_id: characterId });
    const text = await new Promise<string>((resolve, reject) => {
      const request = httpRequest(
        `${app.url}/api/chat/session`,
        {
          method: 'POST',
          headers: {
            Authorization: `Bearer ${user.token}`,
            'Content-Type': 'application/json',
            'Content-Length': Buffer.byteLength(body),
            Connection: 'Upgrade, HTTP2-Settings',
            Upgrade: 'h2c',
            'HTTP2-Settings': 'AAMAAABk',
          },
        },
        (response) => {
          let all = '';
          response.on('data', (chunk) => (all += String(chunk)));
          response.on('end', () => resolve(all));
        },
      );
      request.once('error', reject);
      request.end(body);
    });
    expect(JSON.parse(text)).toMatchObject({ code: 200, data: { title: 'By Java' } });
  });
});

describe('a WebSocket on another path', () => {
  it('is handled by Strapi for a data transfer', async () => {
    const path = '/admin/transfer/runner/pull';
    expect((await refusalOf(connect(app.url, path, { token: 'nonsense' }))).status).toBe(401);
    const { body } = await app.admin.client.post('/admin/transfer/tokens', {
      name: 'Pull',
      description: '',
      lifespan: null,
      permissions: ['pull'],
    });
    const transfer = await connect(app.url, path, { token: body.data.accessKey });
    devices.push(transfer);
    transfer.send({ type: 'command', command: 'status', uuid: 'asked-1' });
    await transfer.until((frame) => frame['uuid'] === 'asked-1');
    await transfer.leave();
  });

  it('returns 404 like any request for an unknown path', async () => {
    expect((await refusalOf(connect(app.url, '/api/nothing'))).status).toBe(404);
  });
});
