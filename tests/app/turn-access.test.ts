import { randomUUID } from 'node:crypto';

import { itInFull } from '../faults/support/scale';
import { startApp, type App } from '../support/app';
import { readStream, terminalsOf, textOf, type Client, type StreamEvent } from '../support/client';
import { createGate } from '../support/gate';
import { holdsWithin } from '../support/until';

let app: App;
let user: Client;
let stranger: Client;
let characterId: string;

beforeAll(async () => {
  app = await startApp({ env: { CHAT_STOP_GRACE_SECONDS: '0.5', CHAT_CHECKPOINT_SECONDS: '0.05' } });
  user = await app.createUser();
  stranger = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());
afterEach(async () => {
  app.dify.reset();
  await app.dify.idle();
});

const turns = '/api/chat-conversations/turns';
const stop = (client: Client, turnId: string) => client.post(`${turns}/${turnId}/stop`, {});
const state = (client: Client, turnId: string) => client.get(`${turns}/${turnId}`);

async function follow(client: Client, turnId: string, after = 0): Promise<StreamEvent[]> {
  const { status, events } = await client.open('GET', `${turns}/${turnId}/stream`, {
    headers: { 'Last-Event-ID': String(after) },
  });
  expect(status).toBe(200);
  return readStream(events);
}

/** Asks a question and reads `count` events. The connection stays open. */
async function begin(query: string, count: number) {
  const stream = await user.stream({ character_id: characterId, query });
  const seen: StreamEvent[] = [];
  while (seen.length < count) {
    const next = await stream.events.next();
    if (next.done === true) throw new Error('The stream ended early.');
    seen.push(next.value);
  }
  return { ...stream, seen, turnId: String(seen[0]?.data.turn_id) };
}

describe('a client that comes back', () => {
  it('gets the missed events and then the rest, from every position', async () => {
    app.dify.next({ name: 'slow-deltas', ms: 5 });
    const { seen, events, turnId } = await begin('Resume me', 4);
    const resumed = Promise.all([0, 1, 2, 3, 4].map((after) => follow(user, turnId, after)));
    const whole = [...seen, ...(await readStream(events))];

    for (const [after, rest] of (await resumed).entries()) expect(rest).toEqual(whole.slice(after));
  });

  it('gets the whole saved answer after its end', async () => {
    const whole = await user.streamAll({ character_id: characterId, query: 'Ended' });
    const turnId = String(whole[0]?.data.turn_id);
    const fresh = await follow(user, turnId);
    expect(fresh.map(({ event }) => event)).toEqual(['turn_started', 'message', 'message_end']);
    expect(textOf(fresh)).toBe(textOf(whole));
    expect(fresh.at(-1)?.data).toEqual(whole.at(-1)?.data);

    const rest = await follow(user, turnId, 3);
    expect(textOf([...whole.slice(0, 3), ...rest])).toBe(textOf(whole));
    expect(rest.map(({ id }) => id)).toEqual(whole.slice(-2).map(({ id }) => id));
    expect(terminalsOf(rest)).toHaveLength(1);
  });

  it('gets 204 once it has the last event, so that an EventSource does not connect again', async () => {
    const whole = await user.streamAll({ character_id: characterId, query: 'To the end' });
    const path = `${turns}/${whole[0]?.data.turn_id}/stream`;
    const last = whole.at(-1)?.id;
    const { status, text } = await user.get(`${path}?after=${last}`);
    expect([status, text]).toEqual([204, '']);
    expect(await follow(user, String(whole[0]?.data.turn_id), Number(last) - 1)).toEqual(whole.slice(-1));
  });

  it('can name the event in the query, as polyfills of EventSource do', async () => {
    const whole = await user.streamAll({ character_id: characterId, query: 'Polyfill' });
    const path = `${turns}/${whole[0]?.data.turn_id}/stream`;
    const ids = async (query: string) => {
      const { status, events } = await user.open('GET', `${path}?${query}`);
      return [status, ...(await readStream(events)).map(({ id }) => id)];
    };
    const all = [200, ...(await follow(user, String(whole[0]?.data.turn_id))).map(({ id }) => id)];
    expect(await ids('lastEventId=')).toEqual(all);
    const afterThird = [200, ...all.slice(-2)];
    expect(await ids('lastEventId=3')).toEqual(afterThird);
    expect(await ids('after=1&lastEventId=3')).toEqual(afterThird);
    expect((await user.get(`${path}?lastEventId=x`)).status).toBe(400);
  });

  it('can write its ids in upper case, and a slash after each path', async () => {
    const { body } = await user.ask({ character_id: characterId, query: 'In capitals' });
    const [{ turn_id, session_id, conversation_id }, answer] = body.data;
    const [turn, session] = [turn_id.toUpperCase(), session_id.toUpperCase()];
    const paths = [
      `${turns}/${turn}`,
      `${turns}/${turn}/`,
      `/api/chat/sessions/${session}`,
      `/api/chat/sessions/${session}/messages/`,
      `/aichat/sessions/${session}/`,
      `/conversations/${session}/messages/`,
      `/api/v1/conversations/${session}`,
      `/users/${user.user.id}/conversations/`,
      '/api/chat-conversations/my-list/',
      '/api/ai-characters/',
      '/api/users/me/',
      '/api/chat/ready/',
    ];
    // The history gets a turn only after its end.
    await holdsWithin(
      10_000,
      async () => (await user.get(`/api/v1/conversations/${session_id}`)).status === 200,
    );
    for (const path of paths) expect([path, (await user.get(path)).status]).toEqual([path, 200]);

    const filters = [
      `filters[session_id]=${session}`,
      `filters[turn_id][$in][0]=${turn}`,
      `filters[$or][0][conversation_id][$eq]=${conversation_id.toUpperCase()}`,
      `filters[session]=${session}`,
      `filters[session][$in][0]=${session}`,
      `filters[session][id]=${session}`,
      `filters[session][session_id]=${session}`,
      `filters[session_id][$eqi]=${conversation_id.toUpperCase()}`,
      `filters[conversation_id][$eqi]=${session}`,
    ];
    for (const filter of filters) {
      const list = await user.myList(`/?${filter}`);
      expect([filter, list.body.meta?.pagination.total]).toEqual([filter, 2]);
    }
    const message = answer.message_id.toUpperCase();
    const one = await user.myList(`/?filters[message_id]=${message}`);
    expect(one.body.data.map(({ message_id }: { message_id: string }) => message_id)).toEqual([
      answer.message_id,
    ]);
    expect((await user.get(`/api/chat/sessions/${session}/messages/${message}`)).status).toBe(200);
    const read = await user.request('PUT', `/api/chat-conversations/messages/${message}/read`);
    expect(read.status).toBe(200);
    const again = { character_id: characterId, query: session, session_id: session, conversation_id };
    const asked = await user.post('/api/chat-conversations/create-message/', { data: again });
    expect(asked.body.data[0]).toMatchObject({ session_id, query: session });
    const added = await user.post('/api/chat/message/', { session_id: session, content: turn });
    expect(added.body.data).toMatchObject({ session_id, content: turn });
    expect((await stop(user, turn)).status).toBe(200);
  });

  it('reaches a message whose id an import wrote in upper case', async () => {
    const { body } = await user.ask({ character_id: characterId, query: 'Imported' });
    const [, { message_id, session_id }] = body.data;
    const imported = randomUUID().toUpperCase();
    await app.db('chat_conversations').where({ message_id }).update({ message_id: imported });
    expect((await user.get(`/api/chat/sessions/${session_id}/messages/${imported}`)).status).toBe(200);
    const filtered = await user.myList(`?filters[message_id]=${imported}`);
    expect(filtered.body.meta.pagination.total).toBe(1);
    expect((await user.request('DELETE', `/api/chat/messages/${imported}`)).status).toBe(200);
    expect((await user.post(`/api/chat/messages/${imported}/restore`, {})).status).toBe(200);
  });

  it('gets the outcome of a turn that broke off', async () => {
    app.dify.next({ name: 'eof-after-deltas', after: 3 });
    const whole = await user.streamAll({ character_id: characterId, query: 'Broken' });
    const again = await follow(user, String(whole[0]?.data.turn_id));
    expect(textOf(again)).toBe(textOf(whole));
    expect(again.at(-1)?.data).toMatchObject({
      event: 'error',
      code: 'upstream-interrupted',
      outcome: 'interrupted',
    });
  });

  it('can ask for the state of a turn while it runs and afterwards', async () => {
    const { opened: finished, open: finish } = createGate();
    app.dify.script(async (reply) => {
      await reply.say('one');
      await finished;
      await reply.end();
    });
    const { events, turnId } = await begin('State?', 2);
    expect((await state(user, turnId)).body.data).toMatchObject({
      turn_id: turnId,
      outcome: 'pending',
      is_live: true,
    });
    finish();
    const [end] = await readStream(events);
    const after = (await state(user, turnId)).body.data;
    expect(after).toMatchObject({ outcome: 'completed', is_live: false, message_id: end?.data.message_id });
    expect(after.messages).toEqual(end?.data.data);
  });

  it.each(['-1', 'x', '1.5', '99999999999'])('gets 400 for the cursor %s', async (after) => {
    const turnId = (await user.ask({ character_id: characterId, query: 'Hi' })).body.data[0].turn_id;
    expect((await user.get(`${turns}/${turnId}/stream?after=${after}`)).status).toBe(400);
  });
});

describe('stop', () => {
  it('is sent to Dify, whose answer is read to its end and saved as stopped', async () => {
    app.dify.next({ name: 'slow-deltas', ms: 20 });
    const { seen, events, turnId } = await begin('Stop me', 4);
    const [reply, again] = await Promise.all([stop(user, turnId), stop(user, turnId)]);
    const whole = [...seen, ...(await readStream(events))];

    expect(reply.status).toBe(200);
    expect(reply.body.data).toMatchObject({ outcome: 'stopped', is_live: false, error_code: null });
    expect(again.text).toBe(reply.text);
    expect(terminalsOf(whole).map(({ data }) => [data.event, data.outcome])).toEqual([
      ['message_end', 'stopped'],
    ]);
    expect(reply.body.data.messages[1].answer).toBe(textOf(whole));
    const stops = app.dify.requests.filter(({ path }) => path.endsWith('/stop'));
    expect(stops.map(({ body }) => body)).toEqual([{ user: `user-${user.user.documentId}` }]);
    expect(app.dify.messages(reply.body.data.conversation_id)[0]?.answer).toBe(textOf(whole));
    expect((await stop(user, turnId)).text).toBe(reply.text);
  });

  it('works before the first word', async () => {
    const { opened: finished, open: finish } = createGate();
    app.dify.script(async (reply) => {
      await reply.ping();
      await finished;
      await reply.end();
    });
    const { events, turnId } = await begin('Stop immediately', 1);
    const reply = await stop(user, turnId);
    expect(reply.body.data).toMatchObject({ outcome: 'stopped' });
    expect(reply.body.data.messages[1].answer).toBe('');
    expect(terminalsOf(await readStream(events))).toHaveLength(1);
    finish();
  });

  it('takes effect even if Dify ignores it, and the server still reads Dify to its end', async () => {
    const { opened: finished, open: finish } = createGate();
    app.dify.script(async (reply) => {
      reply.ignoreStop();
      await reply.say('Heard ');
      await finished;
      await reply.say('and not shown');
      await reply.end();
    });
    const { events, turnId } = await begin('Ignored', 2);
    const reply = await stop(user, turnId);
    expect(reply.body.data).toMatchObject({ outcome: 'stopped' });
    expect((await readStream(events)).map(({ event }) => event)).toEqual(['message_end']);
    expect(app.dify.openStreams).toBe(1);
    finish();
    await app.dify.idle();
    const after = (await state(user, turnId)).body.data;
    expect(after.messages[1]).toMatchObject({ outcome: 'stopped', answer: 'Heard ' });
    expect(app.dify.messages(after.conversation_id)[0]?.answer).toBe('Heard and not shown');
  });

  it('does not change a finished turn, and the session can continue', async () => {
    const [message] = (await user.ask({ character_id: characterId, query: 'Done' })).body.data;
    expect((await stop(user, message.turn_id)).body.data).toMatchObject({ outcome: 'completed' });
    const next = await user.ask({ character_id: characterId, query: 'Next', session_id: message.session_id });
    expect(next.status).toBe(200);
  });
});

describe("another user's turn", () => {
  it.each([
    ['GET', ''],
    ['GET', '/stream'],
    ['POST', '/stop'],
  ])('returns the same 404 as an unknown turn for %s …%s, live or ended', async (method, path) => {
    app.dify.next({ name: 'slow-deltas', ms: 20 });
    const { events, turnId } = await begin('Mine', 2);
    const ask = (id: string) => stranger.request(method, `${turns}/${id}${path}`);
    const nobodys = await ask('00000000-0000-4000-8000-000000000000');
    for (const id of [turnId, 'x', '%00', "'", String(1)]) {
      const reply = await ask(id);
      expect([reply.status, reply.text]).toEqual([404, nobodys.text]);
    }
    expect((await app.anonymous.request(method, `${turns}/${turnId}${path}`)).status).toBe(401);
    const rest = await readStream(events);
    expect(rest.at(-1)?.data).toMatchObject({ outcome: 'completed' });
    const ended = await ask(turnId);
    expect([ended.status, ended.text]).toEqual([404, nobodys.text]);
  });
});

describe('a process that gets SIGTERM', () => {
  it('lets live turns end, and returns 503 for new ones and for its readiness', async () => {
    const apps = [{ key: 'app-without-prompt', mode: 'chat' as const, form: [] }];
    const leaving = await startApp({ dify: { apps } });
    const somebody = await leaving.createUser();
    const { documentId } = await leaving.admin.createCharacter();
    const { opened: finished, open: finish } = createGate();
    leaving.dify.script(async (reply) => {
      await reply.say('one');
      await finished;
      await reply.say(' two');
      await reply.end();
    });
    const { events } = await somebody.stream({ character_id: documentId, query: 'Are you there?' });
    const seen = [(await events.next()).value, (await events.next()).value];
    expect((await leaving.anonymous.get('/api/chat/ready')).body.data).toMatchObject({
      status: 'ready',
      live_turns: 1,
      upstream: { problem: 'prompt-variable-missing' },
      history: { state: 'ok', problem: null },
    });
    expect(leaving.output()).toContain('The Dify app declares no variable "prompt"');

    const exited = leaving.signal('SIGTERM');
    for (;;) {
      const { status } = await leaving.anonymous.get('/api/chat/ready');
      if (status === 503) break;
    }
    const refused = await somebody.ask({ character_id: documentId, query: 'One more?' });
    expect([refused.status, refused.body.error.details.code]).toEqual([503, 'server-stopping']);
    expect(refused.headers.get('retry-after')).toBe('5');
    // The client's next request then goes to another process.
    const list = await somebody.myList();
    expect([refused.headers.get('connection'), list.headers.get('connection')]).toEqual(['close', 'close']);
    finish();
    const all = [...seen, ...(await readStream(events))] as StreamEvent[];
    expect(textOf(all)).toBe('one two');
    expect(all.at(-1)?.data).toMatchObject({ event: 'message_end', outcome: 'completed' });
    expect(await exited).toBe(0);
    await leaving.stop();
  });

  it('accepts questions during the drain delay, although it is not ready, and closes their connections', async () => {
    const leaving = await startApp({ env: { CHAT_DRAIN_DELAY_SECONDS: '4' } });
    const somebody = await leaving.createUser();
    const { documentId } = await leaving.admin.createCharacter();
    const exited = leaving.signal('SIGTERM');
    while ((await leaving.anonymous.get('/api/chat/ready')).status !== 503);
    const late = await somebody.ask({ character_id: documentId, query: 'One more?' });
    expect([late.status, late.headers.get('connection')]).toEqual([200, 'close']);
    expect(await exited).toBe(0);
    await leaving.stop();
  });

  itInFull(
    'interrupts turns that do not end in time, reports it to clients, and saves the text so far',
    async () => {
      const leaving = await startApp({ env: { CHAT_DRAIN_TIMEOUT_SECONDS: '0.2' } });
      const somebody = await leaving.createUser();
      const { documentId } = await leaving.admin.createCharacter();
      leaving.dify.script(async (reply) => {
        await reply.say('endless');
        await reply.closed;
      });
      const { events } = await somebody.stream({ character_id: documentId, query: 'Are you there?' });
      const seen = [(await events.next()).value, (await events.next()).value];
      const exited = leaving.signal('SIGTERM');
      const all = [...seen, ...(await readStream(events))] as StreamEvent[];
      expect(all.at(-1)?.data).toMatchObject({
        event: 'error',
        code: 'server-stopping',
        outcome: 'interrupted',
      });
      expect(await exited).toBe(0);
      const row = await leaving.db('chat_conversations').where({ role: 'assistant' }).first();
      expect(row).toMatchObject({ outcome: 'interrupted', error_code: 'server-stopping', answer: 'endless' });
      await leaving.stop();
    },
  );
});

describe('the header Accept', () => {
  it.each([
    ['text/event-stream;charset=utf-8', 'text/event-stream; charset=utf-8'],
    ['Text/Event-Stream', 'text/event-stream; charset=utf-8'],
    ['application/json;q=0.5, text/event-stream;q=0.9', 'text/event-stream; charset=utf-8'],
    ['application/json;q=0.9, text/event-stream;q=0.5', 'application/json; charset=utf-8'],
    ['text/event-stream;q=0, */*', 'application/json; charset=utf-8'],
    ['*/*', 'application/json; charset=utf-8'],
  ])('%s gets %s', async (accept, type) => {
    const reply = await user.request('POST', '/api/chat-conversations/create-message', {
      headers: { Accept: accept },
      body: { data: { character_id: characterId, query: 'How?' } },
    });
    expect([reply.status, reply.headers.get('content-type')]).toEqual([200, type]);
  });
});
