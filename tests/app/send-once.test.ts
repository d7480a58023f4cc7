import { randomUUID } from 'node:crypto';

import { startApp, type App } from '../support/app';
import { askedOf } from '../support/asked';
import { createClient, readStream, textOf, type Client } from '../support/client';
import { createGate } from '../support/gate';

let app: App;
let user: Client;
let characterId: string;

beforeAll(async () => {
  app = await startApp({ env: { CHAT_CHECKPOINT_SECONDS: '0.05' } });
  user = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());

const createMessage = '/api/chat-conversations/create-message';

function options(key: string, data: Readonly<Record<string, unknown>>) {
  return { headers: { 'Idempotency-Key': key }, body: { data: { character_id: characterId, ...data } } };
}

const send = (key: string, data: Readonly<Record<string, unknown>>, as = user) =>
  as.request('POST', createMessage, options(key, data));

const sendStreaming = (key: string, data: Readonly<Record<string, unknown>>, as = user) =>
  as.open('POST', createMessage, options(key, data));

/** Counts the Dify requests with this question. */
const asked = (query: string) => askedOf(app, query).length;

async function rowsOf(query: string): Promise<number> {
  return (await app.db('chat_conversations').where({ query })).length;
}

describe('a question sent twice with the same Idempotency-Key', () => {
  it('is answered once, and the second reply equals the first one', async () => {
    const key = randomUUID();
    const first = await send(key, { query: 'Once, after the end' });
    const second = await send(key, { query: 'Once, after the end' });
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body).toEqual(first.body);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect([asked('Once, after the end'), await rowsOf('Once, after the end')]).toEqual([1, 2]);
  });

  it('joins the running turn, as a stream and as JSON, and gets all of it', async () => {
    const key = randomUUID();
    const { opened: finished, open: finish } = createGate();
    app.dify.script(async (reply) => {
      await reply.say('one');
      await finished;
      await reply.say(' two');
      await reply.end();
    });
    const first = await sendStreaming(key, { query: 'Once, while it runs' });
    const seen = [(await first.events.next()).value, (await first.events.next()).value];
    const second = await sendStreaming(key, { query: 'Once, while it runs' });
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    const third = send(key, { query: 'Once, while it runs' });
    finish();
    const rest = await readStream(first.events);
    const all = [...seen, ...rest].filter((event) => event !== undefined);
    expect(await readStream(second.events)).toEqual(all);
    expect(textOf(all)).toBe('one two');
    expect((await third).body.data).toEqual(all.at(-1)?.data.data);
    expect([asked('Once, while it runs'), await rowsOf('Once, while it runs')]).toEqual([1, 2]);
  });

  describe('and with the Last-Event-ID of a stream that was cut,', () => {
    const doors = {
      'create-message': () => ({
        path: createMessage,
        body: { data: { character_id: characterId, query: 'Cut' } },
      }),
      regenerate: async () => ({
        path: `/api/chat-conversations/turns/${(await begun()).turn_id}/regenerate`,
        body: {},
      }),
      'the session API': async () => ({
        path: '/api/chat/message',
        body: {
          session_id: (await begun()).session_id,
          content: 'Cut',
          reply: true,
          response_mode: 'streaming',
        },
      }),
      'an edit': async () => ({
        method: 'PATCH',
        path: `/api/chat/messages/${(await begun()).message_id}`,
        body: { new_content: 'Cut', regenerate: true, response_mode: 'streaming' },
      }),
    };
    const begun = async () =>
      (await user.ask({ character_id: characterId, query: 'Begin' })).body.data[0] as Record<string, string>;

    it.each(Object.entries(doors))('goes on after that event: %s', async (_name, door) => {
      const { method = 'POST', path, body } = { method: 'POST', ...(await door()) };
      const { opened: finished, open: finish } = createGate();
      app.dify.script(async (reply) => {
        await reply.say('one');
        await finished;
        await reply.say(' two');
        await reply.end();
      });
      const key = { 'Idempotency-Key': randomUUID() };
      const first = await user.open(method, path, { headers: key, body });
      const seen = [(await first.events.next()).value, (await first.events.next()).value];
      first.leave();
      const again = await user.open(method, path, { headers: { ...key, 'Last-Event-ID': '2' }, body });
      finish();
      const rest = await readStream(again.events);
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect(rest.map(({ id, event }) => [id, event])).toEqual([
        [3, 'message'],
        [4, 'message_end'],
      ]);
      expect(textOf([...seen, ...rest].filter((event) => event !== undefined))).toBe('one two');
    });

    it('is a new question without a key, and a 400 for an id that is none', async () => {
      const data = { character_id: characterId, query: 'Cut without a key' };
      const fresh = await user.open('POST', createMessage, {
        headers: { 'Last-Event-ID': '2' },
        body: { data },
      });
      expect((await readStream(fresh.events))[0]).toMatchObject({ id: 1, event: 'turn_started' });
      const headers = { 'Idempotency-Key': randomUUID(), 'Last-Event-ID': 'x' };
      expect((await user.request('POST', createMessage, { headers, body: { data } })).status).toBe(400);
    });
  });

  it('is answered once for 50 parallel requests, in a new session and in an existing one', async () => {
    const { session_id } = (await user.ask({ character_id: characterId, query: 'Begin' })).body.data[0];
    for (const data of [{ query: 'Together, new' }, { query: 'Together, continued', session_id }]) {
      const key = randomUUID();
      const replies = await Promise.all(Array.from({ length: 50 }, () => send(key, data)));
      expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
      expect(new Set(replies.map(({ body }) => body.data[1].message_id)).size).toBe(1);
      expect(replies.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1);
      expect([asked(data.query), await rowsOf(data.query)]).toEqual([1, 2]);
    }
  });

  it('gets the same error again, without another request to Dify', async () => {
    const key = randomUUID();
    app.dify.next('error-after-deltas');
    const first = await send(key, { query: 'Fails once' });
    const second = await send(key, { query: 'Fails once' });
    expect([first.status, second.status]).toEqual([502, 502]);
    expect(second.body).toEqual(first.body);
    expect(asked('Fails once')).toBe(1);
  });

  it('returns 422 when any part of the question differs', async () => {
    const key = randomUUID();
    const first = await send(key, { query: 'Mine', inputs: { a: 1, b: 2 } });
    expect((await send(key, { query: 'Mine', inputs: { b: 2, a: 1 } })).status).toBe(200);
    const other = (await app.admin.createCharacter()).documentId;
    for (const changes of [
      { query: 'Another' },
      { query: 'Mine' },
      { query: 'Mine', inputs: { a: 1, b: 2 }, character_id: other },
      { query: 'Mine', inputs: { a: 1, b: 2 }, session_id: first.body.data[0].session_id },
    ]) {
      const { status, body } = await send(key, changes);
      expect([status, body.error.details]).toEqual([
        422,
        { code: 'idempotency-key-reused', turn_id: first.body.data[0].turn_id },
      ]);
    }
    expect([asked('Mine'), asked('Another')]).toEqual([1, 0]);
  });

  it("is a separate question for another user's same key", async () => {
    const key = randomUUID();
    const other = await app.createUser();
    const [mine, theirs] = [
      await send(key, { query: 'Same key' }),
      await send(key, { query: 'Same key' }, other),
    ];
    expect(theirs.headers.get('idempotent-replayed')).toBeNull();
    expect(theirs.body.data[0].turn_id).not.toBe(mine.body.data[0].turn_id);
    expect(theirs.body.data[0].user.id).toBe(other.user.id);
  });

  it('can be sent again after a refusal, which saves nothing', async () => {
    const key = randomUUID();
    expect((await send(key, { query: 'Later', character_id: 'nobody' })).status).toBe(400);
    const reply = await send(key, { query: 'Later' });
    expect([reply.status, reply.headers.get('idempotent-replayed')]).toEqual([200, null]);
  });

  it('returns 400 for an invalid key', async () => {
    for (const key of ['two words', 'x'.repeat(256)]) {
      const { status, body } = await send(key, { query: 'Bad key' });
      expect([status, body.error.details.code]).toEqual([400, 'invalid-request']);
    }
    expect(asked('Bad key')).toBe(0);
  });
});

describe('the limits of a user', () => {
  it('count a question once when it is sent again, at the same time or later', async () => {
    const limited = await startApp({ env: { CHAT_MAX_TURNS_AT_ONCE: '1', CHAT_TURNS_PER_MINUTE: '1' } });
    try {
      const own = await limited.createUser();
      const { documentId } = await limited.admin.createCharacter();
      const sendOwn = (key: string, query: string) =>
        own.request('POST', createMessage, options(key, { character_id: documentId, query }));
      const replies = await Promise.all(Array.from({ length: 20 }, () => sendOwn('one', 'Counted once')));
      replies.push(await sendOwn('one', 'Counted once'));
      expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
      expect((await sendOwn('two', 'Too many')).status).toBe(429);
    } finally {
      await limited.stop();
    }
  });
});

describe('several processes on one database', () => {
  it('start one turn for one Idempotency-Key, and both follow it to its end', async () => {
    const key = randomUUID();
    const there = createClient(await app.startAnother(), user.token, user.user);
    const { opened: finished, open: finish } = createGate();
    app.dify.script(async (reply) => {
      await reply.say('here');
      await finished;
      await reply.end();
    });
    const data = { query: 'Two processes' };
    const streams = await Promise.all([sendStreaming(key, data), sendStreaming(key, data, there)]);
    const waiting = [send(key, data), send(key, data, there)];
    const reading = streams.map(({ events }) => readStream(events));
    finish();
    for (const events of await Promise.all(reading)) {
      expect(textOf(events)).toBe('here');
      expect(events.at(-1)?.data).toMatchObject({ event: 'message_end', outcome: 'completed' });
    }
    const replies = await Promise.all(waiting);
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(replies[0]?.body.data).toEqual(replies[1]?.body.data);
    expect([asked('Two processes'), await rowsOf('Two processes')]).toEqual([1, 2]);
  });

  it('keep an Idempotency-Key across a restart', async () => {
    const key = randomUUID();
    const before = await send(key, { query: 'Before the restart' });
    await app.killAndRestart();
    const after = await send(key, { query: 'Before the restart' });
    expect(after.body).toEqual(before.body);
    expect(asked('Before the restart')).toBe(1);
  });
});
