import { createRandom, hash, seed } from '../faults/support/random';
import { report, scale } from '../faults/support/scale';
import { createUpstream, type Upstream } from '../faults/support/upstream';
import { password } from '../support/admin';
import { startApp, type App } from '../support/app';
import { createClient, readStream, type Client, type StreamEvent } from '../support/client';
import { database } from '../support/database';
import { createGate } from '../support/gate';
import { connect } from '../support/socket-client';
import { hasRedis, startRedis, type RedisServer } from '../support/start-redis';
import { holdsWithin, until } from '../support/until';

const turns = '/api/chat-conversations/turns';
/** The time in which a change takes effect at another node. The check has room for a busy machine. */
const withinMs = scale({ full: 1_000, smoke: 5_000 });
/** The caches last much longer, so that only a message between nodes can empty them. */
const slowCaches = { CHAT_REMEMBER_CHARACTERS_SECONDS: '3600', AUTH_REMEMBER_SECONDS: '60' };
/** The rows are saved so rarely that only live events can be on time. */
const rareCheckpoints = { CHAT_CHECKPOINT_SECONDS: '60' };

if (database === 'postgres' && !hasRedis) {
  process.stderr.write(
    '\n### redis-server is not installed: the tests of several nodes are SKIPPED. ###\n\n',
  );
}
const onNodes = database === 'postgres' && hasRedis ? describe : describe.skip;

onNodes('several nodes with Redis', () => {
  let redis: RedisServer;
  let app: App;
  let otherUrl: string;
  let upstream: Upstream;
  let user: Client;
  /** The same user at the other node. */
  let there: Client;
  let characterId: string;
  let questions = 0;

  beforeAll(async () => {
    redis = await startRedis();
    app = await startApp({ env: { REDIS_URL: redis.url, ...slowCaches, ...rareCheckpoints } });
    otherUrl = await app.startAnother();
    upstream = createUpstream(app.dify);
    user = await app.createUser();
    there = createClient(otherUrl, user.token, user.user);
    characterId = (await app.admin.createCharacter()).documentId;
  }, 120_000);
  afterAll(async () => {
    await app?.stop();
    await redis?.close();
  });

  /** Asks a question whose answer begins, and goes on when the gate opens. @returns the parts of its stream. */
  async function askInParts(pieces: number, sessionId?: string) {
    questions += 1;
    const query = `Question ${questions}`;
    const gate = createGate();
    upstream.on(query, async (reply) => {
      await reply.say('It begins. ');
      await gate.opened;
      for (let index = 0; index < pieces; index += 1) {
        await reply.say(`${index} `);
        await reply.pause(index % 5);
      }
      await reply.end();
    });
    const session = sessionId === undefined ? {} : { session_id: sessionId };
    const stream = await user.stream({ character_id: characterId, query, ...session });
    const first = (await stream.events.next()).value as StreamEvent;
    const { turn_id: turnId, session_id } = first.data as { turn_id: string; session_id: string };
    const own = readStream(stream.events).then((rest) => [first, ...rest]);
    return { gate, turnId, sessionId: session_id, own };
  }

  async function followThere(turnId: string, after = 0) {
    const headers = { Accept: 'text/event-stream', ...(after > 0 && { 'Last-Event-ID': String(after) }) };
    return there.open('GET', `${turns}/${turnId}/stream`, { headers });
  }

  it('send the same ids and data at another node', async () => {
    const { gate, turnId, own } = await askInParts(100);
    const elsewhere = await followThere(turnId);
    const theirs = readStream(elsewhere.events);
    gate.open();
    expect(await theirs).toEqual(await own);
  });

  it(
    'continue a stream that is cut at any event, at any node',
    async () => {
      const runs = scale({ smoke: 10, full: 1_000 });
      const third = createClient(await app.startAnother(), user.token, user.user);
      const nodes = [user, there, third] as const;
      for (let run = 0; run < runs; run += 1) {
        const random = createRandom(hash(`${seed} cut-and-resume ${run}`));
        const { gate, turnId, own } = await askInParts(30);
        gate.open();
        const got: StreamEvent[] = [];
        let isOver = false;
        while (!isOver) {
          const at = random.pick(nodes);
          const stream = await at.open('GET', `${turns}/${turnId}/stream`, {
            headers: { Accept: 'text/event-stream', 'Last-Event-ID': String(got.at(-1)?.id ?? 0) },
          });
          if (stream.status === 204) break;
          const cutAfter = 1 + Math.floor(random.next() * 12);
          for (let count = 0; count < cutAfter && !isOver; count += 1) {
            const { value, done } = await stream.events.next();
            if (done === true) break;
            got.push(value);
            isOver = ['message_end', 'error'].includes(value.event);
          }
          stream.leave();
        }
        expect(got).toEqual(await own);
      }
      report('cut and resumed at three nodes', { streams: runs, contradictions: 0 });
    },
    55 * 60_000,
  );

  it('stop an answer of another node, and return its saved end', async () => {
    const { turnId, own } = await askInParts(1);
    await until(async () => (await there.get(`${turns}/${turnId}`)).status === 200);
    const { status, body } = await there.post(`${turns}/${turnId}/stop`, {});
    expect([status, body.data.outcome]).toEqual([200, 'stopped']);
    expect((await own).at(-1)?.data).toMatchObject({ event: 'message_end', outcome: 'stopped' });
  });

  it(
    'send a WebSocket at another node each event of its session, however often it connects again',
    async () => {
      const connections = scale({ smoke: 3, full: 100 });
      const first = await askInParts(0);
      first.gate.open();
      await first.own;
      const { sessionId } = first;
      const connectThere = () => connect(otherUrl, `/ws/${sessionId}`, { token: user.token });
      let device = await connectThere();
      await device.until(({ event }) => event === 'connected');
      for (let count = 0; count < connections; count += 1) {
        const { gate, turnId, own } = await askInParts(20, sessionId);
        await device.until(({ answer }) => answer === 'It begins. ');
        // Half of the devices are lost before the rest of the answer, the others in its middle.
        if (count % 2 === 1) gate.open();
        device.drop();
        device = await connectThere();
        gate.open();
        await device.until(({ event, turn_id }) => event === 'message_end' && turn_id === turnId);
        const frames = device.frames.filter((frame) => frame.turn_id === turnId);
        expect(frames).toEqual((await own).map(({ id, data }) => ({ seq: id, ...data })));
      }
      report('WebSocket at another node', { connections, 'events missed': 0 });
      await device.leave();
    },
    55 * 60_000,
  );

  it('tell a WebSocket at another node that its session has a new title or is deleted', async () => {
    const { gate, sessionId, own } = await askInParts(0);
    gate.open();
    await own;
    const again = await connect(otherUrl, `/ws/${sessionId}`, { token: user.token });
    await user.request('PATCH', `/api/chat/sessions/${sessionId}`, { body: { new_title: 'New title' } });
    expect(await again.until(({ event }) => event === 'session_renamed')).toMatchObject({
      title: 'New title',
    });
    await user.request('DELETE', `/api/chat/sessions/${sessionId}`);
    await again.closed;
  });

  it('refuse an unpublished character at another node', async () => {
    const { documentId } = await app.admin.createCharacter({ name: 'Gone' });
    const ask = () => there.ask({ character_id: documentId, query: 'Are you there?' });
    expect((await ask()).status).toBe(200);
    await app.admin.action(documentId, 'unpublish');
    const isGone = async () => (await ask()).status === 400;
    expect(await holdsWithin(withinMs, isGone)).toBe(true);
  });

  it('answer by the new prompt of a character at another node', async () => {
    const { documentId } = await app.admin.createCharacter({ prompt: 'You are old.' });
    const promptOf = async () => {
      await there.ask({ character_id: documentId, query: 'Who are you?' });
      return (app.dify.requests.at(-1) as { body?: { inputs?: { prompt?: string } } } | undefined)?.body
        ?.inputs?.prompt;
    };
    expect(await promptOf()).toBe('You are old.');
    await app.admin.publish(documentId, { prompt: 'You are new.' });
    expect(await holdsWithin(withinMs, async () => (await promptOf()) === 'You are new.')).toBe(true);
  });

  it('refuse a deleted character at another node', async () => {
    const { documentId } = await app.admin.createCharacter({ name: 'Deleted' });
    const ask = () => there.ask({ character_id: documentId, query: 'Are you there?' });
    expect((await ask()).status).toBe(200);
    const path = `/content-manager/collection-types/api::ai-character.ai-character/${documentId}`;
    expect((await app.admin.client.request('DELETE', path)).status).toBe(200);
    expect(await holdsWithin(withinMs, async () => (await ask()).status === 400)).toBe(true);
  });

  it('keep to the published character when its draft is discarded at another node', async () => {
    const { documentId } = await app.admin.createCharacter({ introduce: 'Published.' });
    const path = `/content-manager/collection-types/api::ai-character.ai-character/${documentId}`;
    await app.admin.client.request('PUT', path, { body: { introduce: 'Draft.' } });
    await app.admin.action(documentId, 'discard');
    const { body } = await there.get(`/api/ai-characters/${documentId}`);
    expect(body.data.introduce).toBe('Published.');
  });

  it('grant and refuse an action of the role of users that changes at another node', async () => {
    const action = 'api::chat-conversation.chat-conversation.myList';
    const status = async () => (await there.myList()).status;
    expect(await status()).toBe(200);
    await app.admin.setAllowed(action, false);
    const isRefused = await holdsWithin(withinMs, async () => (await status()) === 403);
    await app.admin.setAllowed(action, true);
    expect(isRefused).toBe(true);
    expect(await holdsWithin(withinMs, async () => (await status()) === 200)).toBe(true);
  });

  const endings: readonly (readonly [name: string, end: (user: Client) => Promise<unknown>])[] = [
    ['is blocked', (ended) => app.admin.setBlocked(ended.user.documentId, true)],
    [
      'has a new password',
      (ended) =>
        ended.post('/api/auth/change-password', {
          currentPassword: password,
          password: 'Another-Passw0rd',
          passwordConfirmation: 'Another-Passw0rd',
        }),
    ],
    ['logs out everywhere', (ended) => ended.post('/api/auth/logout', { scope: 'all' })],
  ];
  it.each(endings)('end the open stream of a user who %s at another node', async (_name, end) => {
    const ended = await app.createUser();
    const query = `Wait for me, I am ${ended.user.username}`;
    upstream.on(query, async (reply) => {
      await reply.say('I wait.');
      await reply.closed;
    });
    const atOther = createClient(otherUrl, ended.token, ended.user);
    const stream = await atOther.stream({ character_id: characterId, query });
    await stream.events.next();
    const events = readStream(stream.events);
    const startMs = performance.now();
    await end(ended);
    expect((await events).at(-1)?.data).toMatchObject({ event: 'error', code: 'login-ended' });
    expect(performance.now() - startMs).toBeLessThan(withinMs);
    expect((await atOther.myList()).status).toBe(401);
  });

  it('show an edited, renamed and deleted session at another node', async () => {
    const { gate, sessionId, own } = await askInParts(0);
    gate.open();
    await own;
    const questionOf = async () => {
      const { body } = await there.get(`/aichat/sessions/${sessionId}`);
      return body.data?.messages.find(({ role }: { role: string }) => role === 'user');
    };
    const question = await questionOf();
    const path = `/api/chat/messages/${question.message_id}`;
    const edit = { body: { new_content: 'Edited' } };
    expect((await user.request('PATCH', path, edit)).status).toBe(200);
    expect((await questionOf()).content).toBe('Edited');
    await user.request('DELETE', `/api/chat/sessions/${sessionId}`);
    expect((await there.get(`/aichat/sessions/${sessionId}`)).status).toBe(404);
    const ask = { character_id: characterId, query: 'Still there?', session_id: sessionId };
    expect((await there.ask(ask)).status).toBe(404);
  });

  it('go on alone without Redis, and follow each other again when it is back', async () => {
    const { gate, turnId, own } = await askInParts(20);
    const elsewhere = await followThere(turnId);
    await elsewhere.events.next();
    const theirs = readStream(elsewhere.events);
    await redis.stop();
    await until(() => app.output().split('Redis is away').length > 2);
    const { body } = await user.ask({ character_id: characterId, query: 'Are you alone?' });
    expect(body.data).toHaveLength(2);
    await redis.start();
    await until(() => app.output().split('Redis is back').length > 2);
    gate.open();
    const events = await own;
    const lastOfTheirs = (await theirs).at(-1);
    expect(lastOfTheirs).toEqual(events.at(-1));
    const next = await askInParts(20);
    const again = readStream((await followThere(next.turnId)).events);
    next.gate.open();
    expect(await again).toEqual(await next.own);
  });
});
