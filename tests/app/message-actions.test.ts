import { startApp, type App } from '../support/app';
import { canaries } from '../support/canaries';
import { createClient, readStream, type Client } from '../support/client';
import { createGate } from '../support/gate';
import { withoutCopying } from '../support/without-copying';

let app: App;
let user: Client;
let stranger: Client;
let characterId: string;

const suggesting = { apps: [{ key: `app-${canaries.key}`, mode: 'chat', suggestsQuestions: true }] } as const;

beforeAll(async () => {
  app = await startApp({ dify: suggesting, env: { CHAT_CHECKPOINT_SECONDS: '0.05' } });
  user = await app.createUser();
  stranger = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());
afterEach(async () => {
  app.dify.reset();
  await app.dify.idle();
});

const path = (messageId: string, action: string) =>
  `/api/chat-conversations/messages/${encodeURIComponent(messageId)}/${action}`;

const rate = (client: Client, messageId: string, data: unknown) =>
  client.request('PUT', path(messageId, 'feedback'), { body: { data } });
const markRead = (client: Client, messageId: string) => client.request('PUT', path(messageId, 'read'));
const suggested = (client: Client, messageId: string) => client.get(path(messageId, 'suggested'));

/** Asks a question. @returns the two messages of the new turn. */
async function ask(query = 'How is the sea?') {
  const { body } = await user.ask({ character_id: characterId, query });
  return body.data as readonly [Shown, Shown];
}

interface Shown {
  readonly message_id: string;
  readonly conversation_id: string;
  readonly turn_id: string;
}

/** Asks a question that fails before Dify gives its answer an id. */
async function askInVain(): Promise<Shown> {
  app.dify.next('plain-500');
  const { details } = (await user.ask({ character_id: characterId, query: 'In vain' })).body.error;
  expect(details.message_id).toMatch(/^msg_/u);
  return details;
}

async function rowOf(messageId: string) {
  return withoutCopying(await app.db('chat_conversations').where({ message_id: messageId }).first());
}

const inDify = ({ conversation_id, message_id }: Shown) =>
  app.dify.messages(conversation_id).find(({ id }) => id === message_id)?.feedback;
const upstream = (end: string) => app.dify.requests.filter(({ path: asked }) => asked.includes(end));

describe('feedback', () => {
  it('is sent to Dify, saved, shown, and found by its filter', async () => {
    const [, answer] = await ask();
    const { status, body } = await rate(user, answer.message_id, { rating: 'like', content: 'Well said.' });
    expect(status).toBe(200);
    expect(body).toEqual({ data: { ...answer, feedback: 'like' } });
    expect(inDify(answer)).toBe('like');
    expect(upstream('/feedbacks').at(-1)?.body).toEqual({
      user: `user-${user.user.documentId}`,
      rating: 'like',
      content: 'Well said.',
    });
    const listed = (await user.myList('?filters[feedback]=like')).body.data;
    expect(listed).toEqual([body.data]);
  });

  it('can be changed, repeated and removed, and changes no other field', async () => {
    const [question, answer] = await ask();
    const before = await rowOf(answer.message_id);
    for (const rating of ['dislike', 'dislike', 'like', null, null]) {
      const { status, body } = await rate(user, answer.message_id, { rating });
      expect([status, body.data.feedback, inDify(answer)]).toEqual([200, rating, rating]);
      expect(await rowOf(answer.message_id)).toEqual({ ...before, feedback: rating });
    }
    expect((await rowOf(question.message_id))['feedback']).toBeNull();
  });

  it('on an answer without an id of Dify is saved, and not sent to Dify', async () => {
    const { message_id } = await askInVain();
    const asked = app.dify.requests.length;
    const { status, body } = await rate(user, message_id, { rating: 'dislike' });
    expect([status, body.data.feedback]).toEqual([200, 'dislike']);
    expect(app.dify.requests).toHaveLength(asked);
  });

  it('on an answer that Dify no longer has is saved', async () => {
    const [, answer] = await ask();
    await app.db('chat_conversations').where({ message_id: answer.message_id }).update({
      message_id: 'd6f6bbb1-26dd-4a54-8e0d-7b13d4a3e1b0',
    });
    const { status, body } = await rate(user, 'd6f6bbb1-26dd-4a54-8e0d-7b13d4a3e1b0', { rating: 'like' });
    expect([status, body.data.feedback]).toEqual([200, 'like']);
    expect(upstream('d6f6bbb1')).toHaveLength(1);
  });

  it('is refused for questions', async () => {
    const [question] = await ask();
    const { status, body } = await rate(user, question.message_id, { rating: 'like' });
    expect([status, body.error.details.code]).toEqual([400, 'invalid-request']);
    expect(body.error.message).toMatch(/only answers can be rated/u);
    expect((await rowOf(question.message_id))['feedback']).toBeNull();
  });

  it.each([undefined, {}, { rating: 'love' }, { rating: 1 }, { rating: 'like', content: 'x'.repeat(2_001) }])(
    'with the data %j is refused, and not sent to Dify',
    async (data) => {
      const [, answer] = await ask();
      const { status, body } = await rate(user, answer.message_id, data);
      expect([status, body.error.details.code]).toEqual([400, 'invalid-request']);
      expect(upstream(`${answer.message_id}/feedbacks`)).toEqual([]);
    },
  );
});

describe('the read status', () => {
  it('is saved for questions and answers, and found by its filter', async () => {
    const both = await ask();
    for (const message of both) {
      const before = await rowOf(message.message_id);
      const { status, body } = await markRead(user, message.message_id);
      expect([status, body]).toEqual([200, { data: { ...message, message_status: 'read' } }]);
      expect((await markRead(user, message.message_id)).body).toEqual(body);
      expect(await rowOf(message.message_id)).toEqual({ ...before, message_status: 'read' });
    }
    const found = (await user.myList('?filters[message_status]=read')).body.data;
    expect(found.map(({ message_id }: Shown) => message_id)).toEqual(
      both.map(({ message_id }) => message_id).reverse(),
    );
  });
});

describe('suggested questions', () => {
  it('come from Dify after an answer', async () => {
    const [, answer] = await ask();
    const { status, body } = await suggested(user, answer.message_id);
    expect([status, body]).toEqual([
      200,
      { data: [expect.any(String), expect.any(String), expect.any(String)] },
    ]);
    expect(upstream('/suggested').at(-1)?.path).toBe(
      `/v1/messages/${answer.message_id}/suggested?user=user-${user.user.documentId}`,
    );
  });

  it('are an empty list after an answer without an id of Dify', async () => {
    const { message_id } = await askInVain();
    expect((await suggested(user, message_id)).body).toEqual({ data: [] });
  });

  it('are refused after a question', async () => {
    const [question] = await ask();
    const { status, body } = await suggested(user, question.message_id);
    expect([status, body.error.details.code]).toEqual([400, 'invalid-request']);
  });
});

describe('an answer that is still being written', () => {
  it('can be marked as read, but neither rated nor used for suggested questions', async () => {
    const { opened: finished, open: finish } = createGate();
    app.dify.script(async (reply) => {
      await reply.say('Half');
      await finished;
      await reply.end();
    });
    const { events } = await user.stream({ character_id: characterId, query: 'Slowly' });
    const started = (await events.next()).value?.data;
    let messageId = '';
    // Wait for the checkpoint that saves Dify's id.
    while (!/^[0-9a-f-]{36}$/u.test(messageId)) {
      messageId = (await user.get(`/api/chat-conversations/turns/${started.turn_id}`)).body.data.message_id;
    }
    for (const reply of [await rate(user, messageId, { rating: 'like' }), await suggested(user, messageId)]) {
      expect([reply.status, reply.body.error.details]).toEqual([
        409,
        { code: 'turn-in-progress', turn_id: started.turn_id, session_id: started.session_id },
      ]);
    }
    const read = await markRead(user, messageId);
    expect(read.body.data).toMatchObject({ message_status: 'read', outcome: 'pending' });
    finish();
    const [end] = (await readStream(events)).slice(-1);
    expect(end?.data.data[1]).toMatchObject({ message_status: 'read', outcome: 'completed' });
    expect((await rate(user, messageId, { rating: 'like' })).status).toBe(200);
  });
});

describe('when Dify is unreachable or refuses the key', () => {
  it('feedback and suggested questions return 502 with its reason, and change nothing', async () => {
    const [, answer] = await ask();
    const away = await app.startAnother({ DIFY_API_URL: 'http://127.0.0.1:9' });
    const locked = await app.startAnother({ DIFY_API_KEY: 'app-another' });
    for (const [url, code] of [
      [away, 'upstream-unreachable'],
      [locked, 'upstream-misconfigured'],
    ] as const) {
      const client = createClient(url, user.token, user.user);
      const replies = [
        await rate(client, answer.message_id, { rating: 'like' }),
        await suggested(client, answer.message_id),
      ];
      for (const { status, body } of replies) {
        expect([status, body.error.details]).toEqual([502, { code }]);
      }
      expect((await rowOf(answer.message_id))['feedback']).toBeNull();
      expect((await markRead(client, answer.message_id)).status).toBe(200);
    }
  });
});

describe("another user's message", () => {
  it.each<[string, string, unknown]>([
    ['PUT', 'feedback', { data: { rating: 'like' } }],
    ['PUT', 'read', undefined],
    ['GET', 'suggested', undefined],
  ])('returns the same 404 as an unknown message for %s …/%s', async (method, action, body) => {
    const both = await ask();
    const rows = await Promise.all(both.map(({ message_id }) => rowOf(message_id)));
    const asked = app.dify.requests.length;
    const send = (client: Client, id: string) => client.request(method, path(id, action), { body });
    const nobodys = await send(stranger, '00000000-0000-4000-8000-000000000000');
    expect([nobodys.status, nobodys.body.error.details]).toEqual([404, { code: 'message-not-found' }]);
    for (const { message_id } of both) {
      const reply = await send(stranger, message_id);
      expect([reply.status, reply.text]).toEqual([404, nobodys.text]);
      expect((await send(app.anonymous, message_id)).status).toBe(401);
    }
    expect(await Promise.all(both.map(({ message_id }) => rowOf(message_id)))).toEqual(rows);
    expect(app.dify.requests).toHaveLength(asked);
  });

  it('and a message that an administrator has deleted return 404', async () => {
    const [, { message_id }] = await ask();
    await app.db('chat_conversations').where({ message_id }).update({ is_deleted: true });
    expect((await rate(user, message_id, { rating: 'like' })).status).toBe(404);
    expect((await markRead(user, message_id)).status).toBe(404);
    expect((await suggested(user, message_id)).status).toBe(404);
  });
});
