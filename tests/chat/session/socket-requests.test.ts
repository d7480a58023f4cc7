import { ChatError } from '../../../src/chat/errors';
import type { SessionFeed } from '../../../src/chat/session/feed';
import {
  createSessionRequests,
  type SessionRequestsOptions,
} from '../../../src/chat/session/socket-requests';
import type { Follow } from '../../../src/chat/turn/access';
import { createGate } from '../support/collect';
import { ada, message } from '../support/fixtures';

const turnId = '0f8fad5b-d9cb-469f-a165-70867728950e';
const rateLimit = { limit: 20, remaining: 19, resetAtMs: 1_795_271_241_500 };
const session = {
  rowId: 1,
  sessionId: 'session-1',
  title: 'Winter',
  messageCount: 0,
  conversationId: null,
  upstreamId: null,
  characterId: 'character-keeper',
  liveTurnId: null,
  lastMessageAt: new Date(),
  createdAt: new Date(),
  updatedAt: new Date(),
};
const saved = [
  message({ role: 'user', outcome: null, turnId }),
  message({ outcome: 'stopped', turnId }),
] as const;
const follow: Follow = async function* () {};
const refuse = () => Promise.reject(new Error('Unexpected call.'));

interface Asked {
  readonly query: string;
  readonly characterId: string;
  readonly session: object;
  readonly inputs: object;
}

function harness(changes: Partial<SessionRequestsOptions> = {}, turns = {}) {
  const frames: Record<string, unknown>[] = [];
  const followed: [turnId: string, follow: Follow][] = [];
  const feed: SessionFeed = {
    isFollowing: (id) => followed.some(([one]) => one === id),
    count: () => followed.length,
    follow: (id, start) => void followed.push([id, start]),
    idle: async () => undefined,
  };
  const handle = createSessionRequests({
    turns: { send: refuse, stop: refuse, follow: refuse, ...turns },
    sessions: { find: async () => session },
    writes: { count: async () => undefined },
    settings: { maxQueryChars: 100, maxInputsChars: 100, maxFiles: 2 },
    owner: ada,
    scopes: ['read', 'ask'],
    sessionId: 'session-1',
    feed,
    outlet: {
      send: (frame) => void frames.push(JSON.parse(frame)),
      hasRoom: () => true,
      room: () => Promise.resolve(),
    },
    toClientError: (error) => (error instanceof ChatError ? error : new ChatError('internal')),
    ...changes,
  });
  return {
    frames,
    followed,
    feed,
    handle,
    async request(frame: unknown): Promise<Record<string, unknown> | undefined> {
      await handle(typeof frame === 'string' ? frame : JSON.stringify(frame));
      return frames.at(-1);
    },
  };
}

describe('ask', () => {
  function asking(isReplay = false) {
    const asked: [Asked, string | undefined][] = [];
    const send = async (question: Asked, key: string | undefined) => {
      asked.push([question, key]);
      return { turnId, isReplay, rateLimit, follow, awaitEnd: async () => null };
    };
    return { asked, ...harness({}, { send }) };
  }

  it('sends the question to the session’s character, and returns the turn id', async () => {
    const { asked, followed, request } = asking();
    expect(
      await request({ type: 'ask', query: 'And in winter?', inputs: { mood: 'calm' }, request_id: 7 }),
    ).toEqual({
      event: 'request_done',
      turn_id: turnId,
      is_replay: false,
      rate_limit: { limit: 20, remaining: 19, reset: 1_795_271_242 },
      type: 'ask',
      request_id: 7,
    });
    const question = {
      owner: ada,
      query: 'And in winter?',
      characterId: 'character-keeper',
      inputs: { mood: 'calm' },
    };
    expect(asked).toEqual([[expect.objectContaining(question), undefined]]);
    expect(asked[0]?.[0].session).toMatchObject({ sessionId: 'session-1' });
    // The feed follows a new turn by itself.
    expect(followed).toEqual([]);
  });

  it('uses a named character, and passes on the idempotency key', async () => {
    const { asked, request } = asking();
    await request({ type: 'ask', query: 'Hi', character_id: 'character-pirate', idempotency_key: 'key-1' });
    expect(asked).toMatchObject([[{ characterId: 'character-pirate' }, 'key-1']]);
  });

  it('follows a replayed turn from its beginning', async () => {
    const { followed, request } = asking(true);
    expect(await request({ type: 'ask', query: 'Hi', idempotency_key: 'key-1' })).toMatchObject({
      is_replay: true,
    });
    expect(followed).toEqual([[turnId, follow]]);
  });

  describe('on a connection that follows the maximum number of turns', () => {
    const told = Array.from({ length: 32 }, (_, number) => `told-${number}`);

    function asking(isReplay: boolean) {
      const send = async () => ({ turnId, isReplay, rateLimit, follow, awaitEnd: async () => null });
      const busy = harness({}, { send });
      for (const id of told) busy.feed.follow(id, follow);
      return busy;
    }

    it('is rejected if its key replays another turn', async () => {
      const { followed, request } = asking(true);
      expect(await request({ type: 'ask', query: 'Hi', idempotency_key: 'key-1' })).toMatchObject({
        event: 'request_failed',
        code: 'rate-limited',
        type: 'ask',
      });
      expect(followed).toHaveLength(32);
    });

    it('is accepted if its key replays one of these turns', async () => {
      const { feed, request } = harness(
        {},
        { send: async () => ({ turnId, isReplay: true, rateLimit, follow, awaitEnd: async () => null }) },
      );
      for (const id of [turnId, ...told.slice(1)]) feed.follow(id, follow);
      expect(await request({ type: 'ask', query: 'Hi', idempotency_key: 'key-1' })).toMatchObject({
        event: 'request_done',
        is_replay: true,
      });
    });

    it('is accepted if its turn is new, because the turn is already saved', async () => {
      const { request } = asking(false);
      expect(await request({ type: 'ask', query: 'Hi', idempotency_key: 'key-1' })).toMatchObject({
        event: 'request_done',
        is_replay: false,
      });
    });
  });

  it('needs a character of the session or of the request', async () => {
    const find = async () => ({ ...session, characterId: null });
    const { request } = harness({ sessions: { find } });
    expect(await request({ type: 'ask', query: 'Hi', request_id: 'a' })).toMatchObject({
      event: 'request_failed',
      code: 'invalid-request',
      message: expect.stringContaining('character_id'),
      type: 'ask',
      request_id: 'a',
    });
  });

  it.each([
    [{ query: ' ' }, 'query'],
    [{}, 'query'],
    [{ query: 'x'.repeat(101) }, 'query'],
    [{ query: 'Hi', inputs: 'calm' }, 'inputs'],
    [{ query: 'Hi', inputs: { a: 'x'.repeat(100) } }, 'inputs'],
    [{ query: 'Hi', idempotency_key: 'two words' }, 'Idempotency-Key'],
    [{ query: 'Hi', idempotency_key: 7 }, 'idempotency_key'],
  ])('is rejected with %j, and sends no question', async (fields, names) => {
    const { asked, request } = asking();
    expect(await request({ type: 'ask', ...fields })).toMatchObject({
      event: 'request_failed',
      code: 'invalid-request',
      status: 400,
      message: expect.stringContaining(names),
    });
    expect(asked).toEqual([]);
  });

  it('returns the error of a rate limit as a frame', async () => {
    const limited = new ChatError('rate-limited', { retryAfterSeconds: 42, rateLimit });
    const { request } = harness({}, { send: () => Promise.reject(limited) });
    expect(await request({ type: 'ask', query: 'Hi' })).toEqual({
      event: 'request_failed',
      code: 'rate-limited',
      status: 429,
      message: limited.message,
      details: limited.details,
      retry_after: 42,
      rate_limit: { limit: 20, remaining: 19, reset: 1_795_271_242 },
      type: 'ask',
    });
  });
});

describe('stop', () => {
  it('returns the outcome of the turn', async () => {
    const stopped: unknown[] = [];
    const stop = async (...of: unknown[]) => {
      stopped.push(of);
      return { saved, isLive: false };
    };
    const { request } = harness({}, { stop });
    expect(await request({ type: 'stop', turn_id: turnId })).toEqual({
      event: 'request_done',
      turn_id: turnId,
      outcome: 'stopped',
      type: 'stop',
    });
    expect(stopped).toEqual([[ada, turnId]]);
  });
});

describe('resume', () => {
  it('follows the turn after the given event, and only once', async () => {
    const asked: unknown[] = [];
    const start = async (...of: unknown[]) => {
      asked.push(of);
      return follow;
    };
    const { followed, request } = harness({}, { follow: start });
    const done = { event: 'request_done', turn_id: turnId, type: 'resume' };
    expect(await request({ type: 'resume', turn_id: turnId, after: 12 })).toEqual(done);
    expect(asked).toEqual([[ada, turnId, 12]]);
    expect(followed).toEqual([[turnId, follow]]);
    // The connection already follows this turn.
    expect(await request({ type: 'resume', turn_id: turnId })).toEqual(done);
    expect([asked.length, followed.length]).toEqual([1, 1]);
  });

  it('is rejected over the limit of turns that a connection follows', async () => {
    const { followed, request } = harness({}, { follow: async () => follow });
    const idOf = (number: number) => `${String(number).padStart(8, '0')}${turnId.slice(8)}`;
    for (let number = 0; number < 32; number += 1) await request({ type: 'resume', turn_id: idOf(number) });
    expect(await request({ type: 'resume', turn_id: idOf(32) })).toMatchObject({
      event: 'request_failed',
      code: 'rate-limited',
    });
    expect(followed).toHaveLength(32);
  });

  it('is rejected over this limit also for parallel requests', async () => {
    const { opened, open } = createGate();
    const start = async () => {
      await opened;
      return follow;
    };
    const { frames, feed, followed, handle } = harness({}, { follow: start });
    for (let number = 0; number < 30; number += 1) feed.follow(`told-${number}`, follow);
    const idOf = (number: number) => `${String(number).padStart(8, '0')}${turnId.slice(8)}`;
    const all = [1, 2, 3, 4].map((number) =>
      handle(JSON.stringify({ type: 'resume', turn_id: idOf(number) })),
    );
    open();
    await Promise.all(all);
    expect(frames.map(({ event }) => event)).toEqual([
      'request_done',
      'request_done',
      'request_failed',
      'request_failed',
    ]);
    expect(followed).toHaveLength(32);
  });

  it('returns turn-not-found as a frame for an unknown turn', async () => {
    const { followed, request } = harness(
      {},
      { follow: () => Promise.reject(new ChatError('turn-not-found')) },
    );
    expect(await request({ type: 'resume', turn_id: turnId, request_id: 1 })).toMatchObject({
      event: 'request_failed',
      code: 'turn-not-found',
      request_id: 1,
    });
    expect(followed).toEqual([]);
  });
});

describe('any frame', () => {
  it('gets a reply, such as a pong for a ping', async () => {
    const { request } = harness();
    expect(await request({ type: 'ping', request_id: 'p' })).toEqual({
      event: 'pong',
      type: 'ping',
      request_id: 'p',
    });
  });

  it.each<[string, object]>([
    ['', {}],
    ['{"type":', {}],
    ['null', {}],
    ['[]', {}],
    ['"ask"', {}],
    ['{"type":"dance","request_id":3}', { type: 'dance', request_id: 3 }],
    ['{"request_id":"x"}', { request_id: 'x' }],
    [`{"type":"stop","turn_id":"' or 1=1","request_id":4}`, { type: 'stop', request_id: 4 }],
    [`{"type":"resume","turn_id":"${turnId}","after":-1}`, { type: 'resume' }],
    [`{"type":"resume","turn_id":"${turnId}","after":"1"}`, { type: 'resume' }],
    [`{"type":"ping","request_id":"${'x'.repeat(129)}"}`, { type: 'ping' }],
    ['{"type":"ping","request_id":{"a":1}}', { type: 'ping' }],
    ['['.repeat(50_000), {}],
    [`{"type":"ask","query":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, { type: 'ask' }],
    [`{"type":"ask","query":"x","inputs":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`, { type: 'ask' }],
  ])('that is not a valid request is rejected with its type and request_id (%#)', async (frame, label) => {
    const { request } = harness();
    const reply = await request(frame);
    expect(reply).toMatchObject({ event: 'request_failed', code: 'invalid-request', ...label });
    expect(Object.keys(reply ?? {}).filter((key) => ['type', 'request_id'].includes(key))).toEqual(
      Object.keys(label),
    );
  });

  it('gets a reply while others are slow, and is rejected over the limit of open requests', async () => {
    const { opened, open } = createGate();
    const stop = async () => {
      await opened;
      return { saved, isLive: false };
    };
    const { frames, handle, request } = harness({}, { stop });
    const slow = Array.from({ length: 31 }, () => handle(JSON.stringify({ type: 'stop', turn_id: turnId })));
    expect(await request({ type: 'ping' })).toMatchObject({ event: 'pong' });
    slow.push(handle(JSON.stringify({ type: 'stop', turn_id: turnId })));
    expect(await request({ type: 'ping', request_id: 33 })).toMatchObject({
      event: 'request_failed',
      code: 'rate-limited',
      request_id: 33,
    });
    open();
    await Promise.all(slow);
    expect(frames.filter(({ outcome }) => outcome === 'stopped')).toHaveLength(32);
    expect(await request({ type: 'ping' })).toMatchObject({ event: 'pong' });
  });

  it('that fails unexpectedly gets the code internal without the error message', async () => {
    const { request } = harness({}, { stop: () => Promise.reject(new TypeError('secret')) });
    const reply = await request({ type: 'stop', turn_id: turnId });
    expect(reply).toMatchObject({ event: 'request_failed', code: 'internal', status: 500 });
    expect(JSON.stringify(reply)).not.toContain('secret');
  });
});

describe('a client whose personal token may only read', () => {
  it('can resume a turn and ping, but not ask or stop', async () => {
    const { request } = harness({ scopes: ['read'] }, { follow: async () => follow });
    expect(await request({ type: 'ping' })).toMatchObject({ event: 'pong' });
    expect(await request({ type: 'resume', turn_id: turnId })).toMatchObject({ event: 'request_done' });
    for (const frame of [
      { type: 'ask', query: 'How is the sea?' },
      { type: 'stop', turn_id: turnId },
    ]) {
      expect(await request(frame)).toMatchObject({
        event: 'request_failed',
        type: frame.type,
        code: 'token-scope',
        status: 403,
        details: { scope: 'ask' },
      });
    }
  });
});
