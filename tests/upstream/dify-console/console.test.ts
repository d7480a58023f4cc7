import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

import { describeError } from '../../../src/chat/shared/log';
import type { Upstream, UpstreamQuestion } from '../../../src/chat/ports/upstream';
import { createAnswerQueue } from '../../../src/upstream/dify/answer-queue';
import { createDifyConsole, type ConsoleSettings } from '../../../src/upstream/dify-console/console';
import { createGate, thrown } from '../../chat/support/collect';
import { askDify, heldReply, question, readDify } from '../../chat/support/dify';
import { createMemoryLoginAttempts } from '../../chat/support/memory-login-attempts';
import { createDifyEmulator, type DifyEmulator, type Profile } from '../../dify-emulator';
import { appIdOf, consoleSettings, consoleUpstream, requestsTo } from './support/console';

describe.each<Profile>(['0.15', '1.x'])('asking an app in the console of Dify %s', (profile) => {
  let dify: DifyEmulator;

  beforeEach(async () => {
    dify = await createDifyEmulator({ profile, stopDelayMs: 1 }).listen();
  });
  afterEach(() => dify.close());

  const upstreamOf = (overrides: Partial<ConsoleSettings> = {}) => consoleUpstream(dify, { overrides });
  const asked = () => requestsTo(dify, '/chat-messages').filter(({ method }) => method === 'POST');
  const provider = () =>
    profile === '0.15' ? 'openai_api_compatible' : 'langgenius/openai_api_compatible/openai_api_compatible';

  /** Asks, and returns the ids and the text of the answer. */
  async function ask(upstream: Upstream, of: Partial<UpstreamQuestion> = {}) {
    const { events, text, error } = await askDify(upstream, of);
    if (error !== undefined) throw error as Error;
    const identified = events.find((event) => event.type === 'identified');
    return {
      text,
      messageId: identified?.messageId ?? '',
      conversationId: identified?.conversationId ?? '',
      completed: events.at(-1),
    };
  }

  /** Returns the earlier questions that the model got with the newest question. */
  const historyOf = (conversationId: string) =>
    dify
      .messages(conversationId)
      .at(-1)
      ?.console?.earlier.map(({ query }) => query);

  it('sends the documented payload', async () => {
    await ask(upstreamOf(), { inputs: { mood: 'calm' } });
    expect(asked()).toHaveLength(1);
    expect(asked()[0]?.path).toBe(`/console/api/apps/${appIdOf(dify)}/chat-messages`);
    expect(asked()[0]?.body).toEqual({
      response_mode: 'streaming',
      conversation_id: '',
      files: [],
      query: 'How is the sea?',
      inputs: { mood: 'calm' },
      model_config: expect.objectContaining({
        pre_prompt: 'You are Ada, a lighthouse keeper.',
        user_input_form: [],
        model: { provider: provider(), name: 'fake', mode: 'chat', completion_params: { stop: [] } },
      }),
      parent_message_id: null,
      retriever_from: 'dev',
      auto_generate_name: false,
    });
  });

  it('answers as the character of each question, with its usage', async () => {
    const upstream = upstreamOf();
    const first = await ask(upstream);
    expect(first.text).toContain('Ada');
    expect(first.completed).toMatchObject({ usage: { completion_tokens: expect.any(Number) } });
    expect((await ask(upstream, { prompt: 'You are Bob, a diver.' })).text).toContain('Bob');
  });

  it('answers with an agent', async () => {
    const upstream = consoleUpstream(dify, { key: 'app-emulated-agent-chat' });
    expect((await ask(upstream)).text).toContain('Ada');
  });

  it('reads the configuration of the app once for several questions', async () => {
    const upstream = upstreamOf();
    await ask(upstream);
    await ask(upstream);
    expect(requestsTo(dify, appIdOf(dify))).toHaveLength(1);
  });

  it('asks the model of the question', async () => {
    const model = { provider: provider(), name: 'fake-large' };
    await ask(upstreamOf(), { model, parameters: { temperature: 0.2 } });
    expect(asked()[0]?.body).toMatchObject({
      model_config: { model: { ...model, mode: 'chat', completion_params: { temperature: 0.2 } } },
    });
  });

  it('tells the operator what to do about an unknown model', async () => {
    const { error } = await askDify(upstreamOf(), { model: { provider: provider(), name: 'nope' } });
    expect(error).toMatchObject({ code: 'upstream-misconfigured' });
    expect(describeError(error)).toContain('Choose a provider and a model that Dify offers.');
  });

  it('continues the conversation after the given answer', async () => {
    const upstream = upstreamOf();
    const { conversationId, messageId } = await ask(upstream, { query: 'first' });
    const second = await ask(upstream, { query: 'second', conversationId, parentMessageId: messageId });
    await ask(upstream, { query: 'third', conversationId, parentMessageId: second.messageId });
    expect(historyOf(conversationId)).toEqual(['first', 'second']);
  });

  it('branches after the given answer', async () => {
    const upstream = upstreamOf();
    const { conversationId, messageId } = await ask(upstream, { query: 'first' });
    await ask(upstream, { query: 'second', conversationId, parentMessageId: messageId });
    await ask(upstream, { query: 'branch', conversationId, parentMessageId: messageId });
    expect(historyOf(conversationId)).toEqual(['first']);
  });

  it('begins anew inside the conversation without a parent', async () => {
    const upstream = upstreamOf();
    const { conversationId } = await ask(upstream, { query: 'first' });
    const anew = await ask(upstream, { query: 'anew', conversationId });
    expect(anew.conversationId).toBe(conversationId);
    expect(historyOf(conversationId)).toEqual([]);
  });

  it('reports a conversation that Dify does not have', async () => {
    const conversationId = '8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01';
    const { error } = await askDify(upstreamOf(), { conversationId });
    expect(error).toMatchObject({ code: 'upstream-conversation-gone' });
  });

  it('asks again with a renewed login', async () => {
    const upstream = upstreamOf();
    await ask(upstream);
    dify.expireLogins();
    expect((await ask(upstream)).text).toContain('Ada');
    expect(requestsTo(dify, '/refresh-token')).toHaveLength(1);
  });

  it.each(['error-first', 'error-after-deltas', 'eof-after-deltas', 'reset-mid-frame'] as const)(
    'does not repeat a question after %s',
    async (name) => {
      dify.next({ name });
      const { error } = await askDify(upstreamOf());
      expect(error).toMatchObject({ name: 'ChatError' });
      expect(asked()).toHaveLength(1);
    },
  );

  it('stops an answer, and keeps its beginning', async () => {
    const upstream = upstreamOf();
    const held = heldReply(dify);
    const reader = readDify(upstream);
    const reply = await held;
    await reply.say('Half');
    await reader.next();
    await upstream.stop(reply.taskId, question.user);
    expect(await reader.next()).toEqual([expect.objectContaining({ type: 'completed' })]);
    expect(dify.messages(reply.conversationId)[0]?.answer).toBe('Half');
    await untilNull(reader);
  });

  it('shares one login and one queue between apps', async () => {
    const settings = consoleSettings(dify, { answersAtOnce: 1 });
    const console = createDifyConsole({
      settings,
      logins: createMemoryLoginAttempts(),
      warn: () => undefined,
    });
    const [one, other] = ['app-emulated-chat', 'app-emulated-agent-chat'].map((key) =>
      console.app(appIdOf(dify, key)),
    ) as [Upstream, Upstream];
    const held = heldReply(dify);
    const first = askDify(one);
    const reply = await held;
    const reader = readDify(other);
    expect(await reader.next()).toEqual([{ type: 'queued', place: 1 }]);
    expect(one.waiting()).toBe(1);
    await reply.end();
    expect((await first).error).toBeUndefined();
    await untilNull(reader);
    expect(requestsTo(dify, '/login')).toHaveLength(profile === '0.15' ? 1 : 2);
  });

  it('sends no request for an app id that is no UUID', async () => {
    const console = createDifyConsole({
      settings: consoleSettings(dify),
      logins: createMemoryLoginAttempts(),
      warn: () => undefined,
    });
    const { error } = await askDify(console.app('../../setup'));
    expect(error).toMatchObject({ code: 'upstream-misconfigured' });
    expect(dify.requests).toEqual([]);
  });
});

describe('a console that hangs', () => {
  const app = '8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01';
  const tokens = '{"data": {"access_token": "access", "refresh_token": "refresh"}}';
  const path = (end: string) => `/console/api${end}`;
  const replies: Readonly<Record<string, readonly [number, string]>> = {
    [path('/login')]: [200, tokens],
    [path(`/apps/${app}`)]: [200, '{"mode": "chat", "model_config": {}}'],
    [path(`/apps/${app}/chat-messages`)]: [401, '{"code": "unauthorized"}'],
  };

  it.each([path('/login'), path(`/apps/${app}`), path('/refresh-token')])(
    'holds no place of the queue while it hangs in %s',
    async (hanging) => {
      const reached = createGate();
      const server = http.createServer((req, res) => {
        const asked = req.url ?? '';
        const [status, body] = replies[asked] ?? [404, ''];
        req.resume();
        if (asked === hanging) reached.open();
        else res.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const queue = createAnswerQueue({ atOnce: 1, waitMs: 60_000, warn: () => undefined });
      const account = { email: 'owner@example.com', password: 'Passw0rd123', refusedLogins: 0 };
      const settings = consoleSettings({ url, account });
      const upstream = createDifyConsole({
        settings,
        logins: createMemoryLoginAttempts(),
        warn: () => undefined,
        queue,
      }).app(app);

      const leaving = new AbortController();
      const asking = thrown(upstream.ask(question, () => undefined, leaving.signal));
      await reached.opened;
      const places: number[] = [];
      const entering = queue.enter('other', leaving.signal, (place) => places.push(place)).catch(() => null);
      expect([queue.waiting(), places]).toEqual([0, []]);
      leaving.abort();
      const release = await entering;
      expect(release).not.toBeNull();
      release?.();
      expect(await asking).toMatchObject({ code: 'server-stopping' });
      server.close();
      server.closeAllConnections();
    },
  );
});

/** Reads the batches that are left. */
async function untilNull(reader: ReturnType<typeof readDify>): Promise<void> {
  while ((await reader.next()) !== null);
}
