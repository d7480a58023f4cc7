import { itInFull } from '../faults/support/scale';
import { startApp, type App } from '../support/app';
import { createClient, readStream, type Client, type Reply } from '../support/client';
import { createGate } from '../support/gate';
import { until } from '../support/until';

const atOnce = 3;
const perMinute = 5;
const tokensPerDay = 2_000;
const maxLive = 4;

let app: App;
/** A second process, on the same database. */
let other: string;
let characterId: string;

beforeAll(async () => {
  app = await startApp({
    env: {
      CHAT_MAX_TURNS_AT_ONCE: String(atOnce),
      CHAT_TURNS_PER_MINUTE: String(perMinute),
      CHAT_TOKENS_PER_DAY: String(tokensPerDay),
      CHAT_MAX_LIVE_TURNS: String(maxLive),
    },
  });
  characterId = (await app.admin.createCharacter()).documentId;
  other = await app.startAnother();
});
afterAll(() => app.stop());
afterEach(async () => {
  app.dify.reset();
  await app.dify.idle();
});

const turns = '/api/chat-conversations/turns';
const question = (query = 'How is the sea?') => ({ character_id: characterId, query });
const at = (url: string, { token, user }: Client) => createClient(url, token, user);
const now = () => Date.now() / 1000;
const midnight = () => new Date().setUTCHours(24, 0, 0, 0) / 1000;

const asked = () => app.dify.requests.filter(({ path }) => path === '/v1/chat-messages').length;
const saved = async ({ user }: Client) =>
  (await app.db('chat_conversations').where({ user_id: user.id, role: 'user' })).length;
const row = (limit: 'turns' | 'tokens', { user }: Client) =>
  app.db('chat_limits').where({ key: `${limit}:${user.documentId}` });

/** Returns the rate limit headers of a reply as numbers. */
function told({ headers }: Pick<Reply, 'headers'>) {
  const of = (name: string) => {
    const text = headers.get(name);
    return text === null ? null : Number(text);
  };
  return {
    limit: of('x-ratelimit-limit'),
    remaining: of('x-ratelimit-remaining'),
    reset: of('x-ratelimit-reset'),
    retryAfter: of('retry-after'),
  };
}

function expectRefusal(reply: Reply, status: number, code: string): void {
  expect([reply.status, reply.body?.error?.details?.code]).toEqual([status, code]);
  expect(reply.body).toMatchObject({ data: null, error: { status, name: 'ChatError' } });
}

/** Asks a question for each client. Dify ends their answers after `letGo`. */
async function hold(clients: readonly Client[]) {
  const { opened, open } = createGate();
  for (const _ of clients) {
    app.dify.script(async (reply) => {
      await reply.say('Held.');
      await opened;
      await reply.end();
    });
  }
  const streams = await Promise.all(clients.map((client) => client.stream(question())));
  expect(streams.map(({ status }) => status)).toEqual(clients.map(() => 200));
  for (const { events } of streams) {
    expect([(await events.next()).value?.event, (await events.next()).value?.event]).toEqual([
      'turn_started',
      'message',
    ]);
  }
  return {
    async letGo() {
      open();
      for (const { events } of streams) {
        expect((await readStream(events)).map(({ event }) => event)).toEqual(['message_end']);
      }
    },
  };
}

describe('simultaneous turns of a user', () => {
  it('are limited: of 100 parallel questions, the server saves three and sends three to Dify', async () => {
    const user = await app.createUser();
    const { opened, open } = createGate();
    for (let count = 0; count < 100; count += 1) {
      app.dify.script(async (reply) => {
        await opened;
        await reply.end();
      });
    }
    const before = asked();
    let settled = 0;
    const { opened: refused, open: allRefused } = createGate();
    const sending = Array.from({ length: 100 }, async () => {
      const reply = await user.ask(question());
      settled += 1;
      if (settled === 100 - atOnce) allRefused();
      return reply;
    });
    await refused;
    // The server refuses faster than it saves.
    await until(async () => (await saved(user)) >= atOnce);
    const savedMeanwhile = await saved(user);
    open();
    const replies = await Promise.all(sending);

    expect(replies.filter(({ status }) => status === 200)).toHaveLength(atOnce);
    const refusals = replies.filter(({ status }) => status !== 200);
    for (const reply of refusals) {
      expectRefusal(reply, 429, 'too-many-turns');
      expect(told(reply)).toEqual({
        limit: atOnce,
        remaining: 0,
        reset: expect.any(Number),
        retryAfter: 5,
      });
    }
    expect(savedMeanwhile).toBe(atOnce);
    expect(asked() - before).toBe(atOnce);
    expect(await row('turns', user)).toMatchObject([{ points: atOnce }]);
    expect((await user.ask(question())).status).toBe(200);
  });

  it('do not limit another user, and also end with a stop', async () => {
    const [user, neighbour] = [await app.createUser(), await app.createUser()];
    const held = await hold([user, user, user]);
    expectRefusal(await user.ask(question()), 429, 'too-many-turns');
    expect((await neighbour.ask(question())).status).toBe(200);

    const [first] = await app
      .db('chat_conversations')
      .where({ user_id: user.user.id, outcome: 'pending' })
      .select('turn_id');
    const stopping = user.post(`${turns}/${first.turn_id}/stop`, {});
    await held.letGo();
    expect((await stopping).status).toBe(200);
    expect((await user.ask(question())).status).toBe(200);
  });

  it('do not include questions that the server refuses for any reason', async () => {
    const user = await app.createUser();
    for (let times = 0; times < 2 * atOnce; times += 1) {
      expect((await user.ask({ ...question(), character_id: 'nobody' })).status).toBe(400);
      expect((await user.ask({ ...question(), session_id: 'nowhere' })).status).toBe(404);
      expect((await user.ask({ character_id: characterId })).status).toBe(400);
    }
    expect(await row('turns', user)).toEqual([]);
    expect((await user.ask(question())).status).toBe(200);
  });
});

describe('turns of a user per minute', () => {
  it('are counted down in the headers of every reply, and refused above the limit', async () => {
    const [user, neighbour] = [await app.createUser(), await app.createUser()];
    const remaining: (number | null)[] = [];
    for (let count = 0; count < perMinute - 1; count += 1)
      remaining.push(told(await user.ask(question())).remaining);
    const stream = await user.stream(question());
    await readStream(stream.events);
    remaining.push(told(stream).remaining);
    expect(remaining).toEqual([4, 3, 2, 1, 0]);

    const before = [asked(), await saved(user)];
    for (const reply of [await user.ask(question()), await user.ask(question())]) {
      expectRefusal(reply, 429, 'rate-limited');
      const { limit, remaining: left, reset, retryAfter } = told(reply);
      expect([limit, left]).toEqual([perMinute, 0]);
      expect(retryAfter).toBeGreaterThanOrEqual(1);
      expect(retryAfter).toBeLessThanOrEqual(60);
      expect(Math.abs((reset ?? 0) - now() - (retryAfter ?? 0))).toBeLessThan(3);
    }
    expect(
      (await user.open('POST', '/api/chat-conversations/create-message', { body: { data: question() } }))
        .status,
    ).toBe(429);
    expect([asked(), await saved(user)]).toEqual(before);
    expect(told(await neighbour.ask(question()))).toMatchObject({ limit: perMinute, remaining: 4 });
    // The limit counts only questions, not lists.
    expect((await user.myList()).status).toBe(200);
  });

  it('are the same in the Dify API, which refuses in the shape of Dify', async () => {
    const user = await app.createUser();
    const body = { inputs: {}, query: 'How is the sea?' };
    const ask = () => user.post(`/api/dify/${characterId}/v1/chat-messages`, body);
    const { status, headers } = await ask();
    expect([status, told({ headers }).remaining]).toEqual([200, perMinute - 1]);
    for (let count = 1; count < perMinute; count += 1) await user.ask(question());
    const refused = await ask();
    expect(refused.body).toEqual({ code: 'rate-limited', message: refused.body.message, status: 429 });
    expect([refused.status, told(refused).remaining]).toEqual([429, 0]);
    expect(told(refused).retryAfter).toBeGreaterThanOrEqual(1);
  });

  itInFull(
    'are counted across processes and across a restart in which Strapi updates its tables',
    async () => {
      const user = await app.createUser();
      for (let count = 0; count < perMinute; count += 1) {
        const client = count % 2 === 0 ? user : at(other, user);
        expect(told(await client.ask(question())).remaining).toBe(perMinute - 1 - count);
      }
      await app.db('strapi_database_schema').update({ hash: 'of an older version' });
      await app.signal('SIGTERM');
      await app.restart();
      expectRefusal(await user.ask(question()), 429, 'rate-limited');
      expectRefusal(await at(other, user).ask(question()), 429, 'rate-limited');
    },
  );

  it('are limited across two processes that get questions at the same time', async () => {
    const user = await app.createUser();
    const { opened, open } = createGate();
    for (let count = 0; count < 100; count += 1) {
      app.dify.script(async (reply) => {
        await opened;
        await reply.end();
      });
    }
    // Each process allows three simultaneous turns, which is six in both.
    const sending = Array.from({ length: 20 }, (_, count) =>
      (count % 2 === 0 ? user : at(other, user)).ask(question()),
    );
    await until(async () => {
      const [count] = await row('turns', user);
      return count !== undefined && count.points > perMinute;
    });
    open();
    const statuses = (await Promise.all(sending)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(perMinute);
    expect(await saved(user)).toBe(perMinute);
  });

  it('start again at zero when the minute is over', async () => {
    const user = await app.createUser();
    for (let count = 0; count < perMinute; count += 1) await user.ask(question());
    await row('turns', user).update({ expire: Date.now() - 1 });
    expect(told(await user.ask(question()))).toMatchObject({ remaining: perMinute - 1 });
  });

  it('are refunded when the session is busy', async () => {
    const user = await app.createUser();
    const { body } = await user.ask(question());
    const [{ session_id }] = body.data;
    const { opened, open } = createGate();
    app.dify.script(async (reply) => {
      await opened;
      await reply.end();
    });
    const { events } = await user.stream({ ...question(), session_id });
    expectRefusal(await user.ask({ ...question(), session_id }), 409, 'turn-in-progress');
    open();
    await readStream(events);
    // The two answered questions and this one count.
    expect(told(await user.ask(question()))).toMatchObject({ remaining: perMinute - 3 });
  });

  it('are counted for the user of the token, not for values that a client sends', async () => {
    const user = await app.createUser();
    const statuses: number[] = [];
    for (let count = 0; count <= perMinute; count += 1) {
      const { status } = await user.request('POST', '/api/chat-conversations/create-message', {
        body: { data: { ...question(), user: count, user_id: count } },
        headers: { 'X-Forwarded-For': `10.0.0.${count}`, Forwarded: `for=10.0.0.${count}` },
      });
      statuses.push(status);
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
  });
});

describe('tokens of a user per day', () => {
  /** Asks a question whose answer costs so many tokens. */
  async function spend(client: Client, total_tokens: number): Promise<Reply> {
    app.dify.script((reply) => reply.end({ total_tokens }));
    return client.ask(question());
  }

  it('count for finished answers; above the limit, questions are refused until midnight in UTC', async () => {
    const [user, neighbour] = [await app.createUser(), await app.createUser()];
    expect((await spend(user, tokensPerDay - 1)).status).toBe(200);
    expect((await spend(user, 500)).status).toBe(200);
    const before = [asked(), await saved(user), await row('turns', user)];
    const reply = await user.ask(question());

    expectRefusal(reply, 429, 'token-limit-reached');
    const { limit, remaining, reset, retryAfter } = told(reply);
    expect([limit, remaining]).toEqual([tokensPerDay, 0]);
    expect(Math.abs((reset ?? 0) - midnight())).toBeLessThanOrEqual(2);
    expect(Math.abs((retryAfter ?? 0) - (midnight() - now()))).toBeLessThan(5);
    expect([asked(), await saved(user), await row('turns', user)]).toEqual(before);
    expectRefusal(await at(other, user).ask(question()), 429, 'token-limit-reached');
    expect((await neighbour.ask(question())).status).toBe(200);

    await row('tokens', user).update({ expire: Date.now() - 1 });
    expect((await user.ask(question())).status).toBe(200);
  });

  it('count for stopped answers, too', async () => {
    const user = await app.createUser();
    const { opened, open } = createGate();
    app.dify.script(async (reply) => {
      reply.ignoreStop();
      await reply.say('Half');
      await opened;
      await reply.end({ total_tokens: tokensPerDay });
    });
    const { events } = await user.stream(question());
    const turnId = String((await events.next()).value?.data.turn_id);
    await events.next();
    const before = app.dify.requests.length;
    const stopping = user.post(`${turns}/${turnId}/stop`, {});
    await until(() => app.dify.requests.slice(before).some(({ path }) => path.endsWith('/stop')));
    open();

    expect((await stopping).body.data).toMatchObject({ outcome: 'stopped' });
    expect(await row('tokens', user)).toMatchObject([{ points: tokensPerDay }]);
    expectRefusal(await user.ask(question()), 429, 'token-limit-reached');
  });
});

describe('live turns of a process', () => {
  it('return 503 above the limit, while the process stays ready and another process answers', async () => {
    const users = await Promise.all(Array.from({ length: maxLive + 1 }, () => app.createUser()));
    const late = users.pop() as Client;
    const held = await hold(users);
    const before = asked();
    const reply = await late.ask(question());

    expectRefusal(reply, 503, 'server-busy');
    expect(told(reply)).toEqual({ limit: null, remaining: null, reset: null, retryAfter: 5 });
    expect([asked(), await saved(late)]).toEqual([before, 0]);
    const ready = await app.anonymous.get('/api/chat/ready');
    expect(ready.status).toBe(200);
    expect(ready.body.data).toMatchObject({ status: 'ready', live_turns: maxLive });
    expect((await at(other, late).ask(question())).status).toBe(200);

    await held.letGo();
    expect((await late.ask(question())).status).toBe(200);
  });
});
