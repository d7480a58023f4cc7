import type { Upstream } from '../../../src/chat/ports/upstream';
import type { DifySettings } from '../../../src/chat/settings';
import type { ChatErrorCode } from '../../../src/chat/errors';
import { composeSuggestions } from '../../dify-emulator/answer';
import { createDifyEmulator, type DifyEmulator, type DifyEmulatorOptions } from '../../dify-emulator';
import { createGate, thrown } from '../../chat/support/collect';
import { askDify, difyClient, difySettings, heldReply, question } from '../../chat/support/dify';
import { answering, listen } from '../support/raw-upstream';
import { expectSilence } from '../../chat/support/silence';

const apps = [{ key: 'app-kind', mode: 'chat', suggestsQuestions: true }] as const;
const unknownId = '8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01';

let dify: DifyEmulator;

async function start(options: DifyEmulatorOptions = {}): Promise<void> {
  dify = await createDifyEmulator({ titleDelayMs: 1, apps, ...options }).listen();
}

function client(overrides: Partial<DifySettings> = {}) {
  return difyClient(difySettings(dify, overrides));
}

function chatError(code: ChatErrorCode, cause?: unknown): unknown {
  return expect.objectContaining({ name: 'ChatError', code, ...(cause !== undefined && { cause }) });
}

/** Asks Dify a question. @returns the id of its message. */
async function askOne(user = question.user): Promise<string> {
  await askDify(client(), { user });
  return dify.messages(dify.conversations().at(-1)?.id ?? '')[0]?.id ?? '';
}

const feedbackIn = (messageId: string) =>
  dify
    .conversations()
    .flatMap(({ id }) => dify.messages(id))
    .find(({ id }) => id === messageId)?.feedback;

beforeEach(() => start());

afterEach(async () => {
  await dify.idle();
  await dify.close();
});

describe('stop', () => {
  it('sends the task id in the path and only the user in the body', async () => {
    await client().stop('task-1', 'user-ada');
    expect(dify.requests).toHaveLength(1);
    expect(dify.requests[0]).toMatchObject({
      method: 'POST',
      path: '/v1/chat-messages/task-1/stop',
      body: { user: 'user-ada' },
      headers: { authorization: `Bearer ${dify.apiKey}`, connection: 'close' },
    });
    expect(dify.requests[0]?.body).toEqual({ user: 'user-ada' });
  });

  it.each([
    ['a/b?c=d#e', 'a%2Fb%3Fc%3Dd%23e'],
    ['../conversations', '..%2Fconversations'],
    ['50% 大\uFFFD', '50%25%20%E5%A4%A7%EF%BF%BD'],
    ["a'b\r\nX-Evil: 1", "a'b%0D%0AX-Evil%3A%201"],
  ])('encodes the task id %j as one path segment', async (taskId, encoded) => {
    await client().stop(taskId, 'user-ada');
    expect(dify.requests.map(({ path }) => path)).toEqual([`/v1/chat-messages/${encoded}/stop`]);
  });

  it('ends the reply, and Dify saves its text so far', async () => {
    const reply = heldReply(dify);
    const asking = client();
    const asked = askDify(asking);
    const { say, taskId, conversationId } = await reply;
    await say('Hello');
    await asking.stop(taskId, question.user);
    const { text, error, events } = await asked;
    expect({ text, error }).toEqual({ text: 'Hello', error: undefined });
    expect(events.at(-1)).toMatchObject({ type: 'completed', usage: { currency: 'USD' } });
    expect(dify.messages(conversationId)).toMatchObject([{ answer: 'Hello' }]);
  });

  it('succeeds for another user’s reply and an unknown reply, and stops nothing', async () => {
    const reply = heldReply(dify);
    const asking = client();
    const asked = askDify(asking);
    const { say, end, taskId } = await reply;
    await asking.stop(taskId, 'user-bob');
    await asking.stop('nothing', question.user);
    await say('Hello');
    await end();
    expect(await asked).toMatchObject({ text: 'Hello', error: undefined });
  });

  it('accepts any 200 as success', async () => {
    const upstream = await answering(200, 'ok', 'text/plain');
    await difyClient(difySettings(upstream)).stop('task-1', 'user-ada');
    await upstream.close();
  });
});

describe('rate', () => {
  const like = { user: question.user, rating: 'like' } as const;

  it('sends the message id in the path, and the rating and the user in the body', async () => {
    const messageId = await askOne();
    await client().rate(messageId, { ...like, content: 'Well said. 好' });
    expect(dify.requests.at(-1)).toMatchObject({
      method: 'POST',
      path: `/v1/messages/${messageId}/feedbacks`,
      headers: { authorization: `Bearer ${dify.apiKey}`, connection: 'close' },
    });
    expect(dify.requests.at(-1)?.body).toEqual({ ...like, content: 'Well said. 好' });
    await client().rate(messageId, like);
    expect(dify.requests.at(-1)?.body).toEqual(like);
  });

  it.each(['0.15', '1.x'] as const)(
    'sets, changes and removes a rating in Dify %s, also twice',
    async (profile) => {
      await dify.close();
      await start({ profile });
      const messageId = await askOne();
      const { user } = question;
      for (const rating of ['like', 'like', 'dislike', null, null] as const) {
        await client().rate(messageId, { user, rating });
        expect(feedbackIn(messageId)).toBe(rating);
      }
    },
  );

  it.each(['like', null] as const)(
    'does not fail for an unknown message or another user’s message (%s)',
    async (rating) => {
      const bobs = await askOne('user-bob');
      await client().rate(unknownId, { ...like, rating });
      await client().rate(bobs, { ...like, rating });
      expect(feedbackIn(bobs)).toBeNull();
    },
  );

  it('encodes the message id as one path segment', async () => {
    await thrown(client().rate('a/b?c=d', like));
    expect(dify.requests.map(({ path }) => path)).toEqual(['/v1/messages/a%2Fb%3Fc%3Dd/feedbacks']);
  });

  it('throws if Dify rejects the rating', async () => {
    const upstream = await answering(400, '{"code":"invalid_param","message":"no"}');
    const asking = difyClient(difySettings(upstream));
    expect(await thrown(asking.rate(unknownId, like))).toEqual(chatError('upstream-rejected'));
    await upstream.close();
  });
});

describe('suggestQuestions', () => {
  const suggest = (messageId: string) => client().suggestQuestions(messageId, question.user);

  it('returns the questions that Dify suggests to the user for the message', async () => {
    const messageId = await askOne();
    const questions = await suggest(messageId);
    expect(questions).toEqual(composeSuggestions(question.query));
    expect(dify.requests.at(-1)).toMatchObject({
      method: 'GET',
      path: `/v1/messages/${messageId}/suggested?user=user-ada`,
      headers: { accept: 'application/json' },
    });
  });

  it.each(['0.15', '1.x'] as const)(
    'returns no questions if the app of Dify %s suggests none',
    async (profile) => {
      await dify.close();
      await start({ profile, apps: [{ key: 'app-mute', mode: 'chat' }] });
      expect(await suggest(await askOne())).toEqual([]);
    },
  );

  it('returns no questions for an unknown message and another user’s message', async () => {
    expect(await suggest(unknownId)).toEqual([]);
    expect(await suggest(await askOne('user-bob'))).toEqual([]);
  });

  it('waits longer than a call without a model', async () => {
    const upstream = await listen((socket) => {
      const body = '{"result":"success","data":["Later?"]}';
      setTimeout(() => socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${body}`), 5_200);
    });
    const asking = difyClient(difySettings(upstream, { firstByteTimeoutMs: 60_000 }));
    const [questions, error] = await Promise.all([
      asking.suggestQuestions(unknownId, question.user),
      thrown(asking.stop('task-1', question.user)),
    ]);
    expect(questions).toEqual(['Later?']);
    expect(error).toEqual(chatError('upstream-timeout'));
    await upstream.close();
  }, 10_000);

  it.each(['<html>', '{"result":"success"}', '{"data":"x"}', '', '{"data":["cut of'])(
    'throws upstream-malformed for %j',
    async (body) => {
      const upstream = await answering(200, body);
      const asking = difyClient(difySettings(upstream));
      expect(await thrown(asking.suggestQuestions(unknownId, question.user))).toEqual(
        chatError('upstream-malformed'),
      );
      await upstream.close();
    },
  );
});

/** All short calls by their names. */
const calls: [string, (dify: Upstream) => Promise<unknown>][] = [
  ['stop', (client) => client.stop('task-1', 'user-ada')],
  ['rate', (client) => client.rate(unknownId, { user: 'user-ada', rating: 'like', content: 'user-ada' })],
  ['suggestQuestions', (client) => client.suggestQuestions(unknownId, 'user-ada')],
  [
    'findLostAnswer',
    (client) =>
      client.findLostAnswer({
        user: 'user-ada',
        query: 'One?',
        askedAt: new Date(),
        messageId: unknownId,
        conversationId: unknownId,
      }),
  ],
];

describe.each(calls)('a failure of %s', (_name, run) => {
  it.each<[number, string, ChatErrorCode]>([
    [401, '{"code":"unauthorized","message":"do not repeat"}', 'upstream-misconfigured'],
    [400, '{"code":"not_chat_app","message":"do not repeat"}', 'upstream-misconfigured'],
    [400, '{"code":"invalid_param","message":"do not repeat"}', 'upstream-rejected'],
    [404, '<html>do not repeat</html>', 'upstream-misconfigured'],
    [500, '{"code":"internal_server_error"}', 'upstream-failed'],
    [502, '<html>do not repeat</html>', 'upstream-failed'],
    [503, '', 'upstream-busy'],
    [302, '', 'upstream-malformed'],
  ])('with %d %s throws the code %s', async (status, body, code) => {
    const upstream = await answering(status, body);
    const error = await thrown(run(difyClient(difySettings(upstream))));
    expect(error).toEqual(chatError(code));
    // Dify's own sentence is for the log.
    const page = body.startsWith('<') ? ['do not repeat'] : [];
    expectSilence(error, [...page, upstream.apiKey, 'user-ada']);
    expect((error as Error).message).not.toContain('do not repeat');
    await upstream.close();
  });

  it('with a wrong API key throws upstream-misconfigured', async () => {
    expect(await thrown(run(client({ apiKey: 'app-wrong' })))).toEqual(chatError('upstream-misconfigured'));
  });

  it('to reach Dify reports the code of the connection error', async () => {
    const upstream = await listen(() => undefined);
    await upstream.close();
    const error = await thrown(run(difyClient(difySettings(upstream))));
    expect(error).toEqual(chatError('upstream-unreachable', { transportCode: 'ECONNREFUSED' }));
    expectSilence(error, [upstream.apiKey, 'user-ada']);
  });

  it.each([
    ['never begins', ''],
    ['never ends', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"data":['],
  ])('with a response that %s is a timeout, and closes the connection', async (_what, beginning) => {
    const upstream = await listen((socket) => socket.write(beginning));
    const error = await thrown(run(difyClient(difySettings(upstream, { firstByteTimeoutMs: 30 }))));
    expect(error).toEqual(chatError('upstream-timeout', { expired: 'first byte' }));
    await upstream.idle();
    await upstream.close();
  });
});

describe('the timers of a short call', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance', 'Date'] });
  });

  afterEach(() => jest.useRealTimers());

  it.each(calls)('are cleared after a success: %s', async (_name, run) => {
    const upstream = await answering(200, '{"result":"success","data":[]}');
    await run(difyClient(difySettings(upstream)));
    expect(jest.getTimerCount()).toBe(0);
    await upstream.close();
  });

  it.each(calls)('are cleared after a failure: %s', async (_name, run) => {
    const upstream = await answering(500, '');
    await thrown(run(difyClient(difySettings(upstream))));
    expect(jest.getTimerCount()).toBe(0);
    await upstream.close();
  });

  it('limit the wait for a connection to the total timeout', async () => {
    // The client starts TLS, and the server never answers.
    const isBegun = createGate();
    const upstream = await listen(isBegun.open);
    const apiUrl = `${upstream.url.replace('http:', 'https:')}/v1`;
    const settings = difySettings(upstream, { apiUrl, connectTimeoutMs: 60_000, totalTimeoutMs: 20_000 });
    const stopped = thrown(difyClient(settings).stop('task-1', 'user-ada'));
    await isBegun.opened;
    jest.advanceTimersByTime(20_000);
    expect(await stopped).toEqual(chatError('upstream-unreachable', { expired: 'connect' }));
    await upstream.idle();
    await upstream.close();
  });
});

it('a short call leaves no connection open', async () => {
  const upstream = await answering(200, '{"result":"success","data":[]}');
  const asking = difyClient(difySettings(upstream));
  await Promise.all(calls.map(([, run]) => run(asking)));
  await upstream.idle();
  expect(upstream.connections()).toBe(calls.length);
  await upstream.close();
});
