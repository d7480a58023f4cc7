import {
  createDifyEmulator,
  type DifyEmulator,
  type DifyEmulatorOptions,
  type Profile,
  type Reply,
} from './index';
import { answerOf, ask, readEvents, readJson, send, toEvents } from './test-client';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u;
const keys = {
  agent: 'app-emulated-agent-chat',
  chatflow: 'app-emulated-advanced-chat',
  newAgent: 'app-emulated-agent',
};

let dify: DifyEmulator;

async function start(options: DifyEmulatorOptions = {}): Promise<DifyEmulator> {
  dify = await createDifyEmulator({ titleDelayMs: 1, stopDelayMs: 1, ...options }).listen();
  return dify;
}

afterEach(async () => {
  await dify.close();
  expect(dify.openStreams).toBe(0);
});

/** Resolves with the next reply, which the test controls. */
function held(): Promise<Reply> {
  return new Promise((resolve) => dify.script(resolve));
}

describe('streaming chat reply', () => {
  it('has exactly these bytes in 0.15', async () => {
    await start({ profile: '0.15' });
    const reply = held();
    const stream = ask(dify);
    const { taskId, conversationId, messageId, say, end, turn } = await reply;
    await say('你 👋');
    await end({ latency: 0.5 });
    await (
      await stream
    ).over;
    const envelope =
      `"conversation_id": "${conversationId}", "message_id": "${messageId}", ` +
      `"created_at": ${turn.message.createdAt}, "task_id": "${taskId}", "id": "${messageId}"`;
    expect((await stream).text()).toBe(
      `data: {"event": "message", ${envelope}, "answer": "\\u4f60 \\ud83d\\udc4b", "from_variable_selector": null}\n\n` +
        `data: {"event": "message_end", ${envelope}, "metadata": {"usage": {"prompt_tokens": 4, ` +
        '"prompt_unit_price": "0.001", "prompt_price_unit": "0.001", "prompt_price": "0.0000040", ' +
        '"completion_tokens": 2, "completion_unit_price": "0.002", "completion_price_unit": "0.001", ' +
        '"completion_price": "0.0000040", "total_tokens": 6, "total_price": "0.0000080", "currency": "USD", ' +
        '"latency": 0.5}}, "files": null}\n\n',
    );
  });

  it('has exactly these bytes in 1.x', async () => {
    await start();
    const reply = held();
    const stream = ask(dify);
    const { taskId, conversationId, messageId, say, ping, end, turn } = await reply;
    await say('你 👋');
    await ping();
    await end({ latency: 0.5 });
    await (
      await stream
    ).over;
    const envelope =
      `"conversation_id":"${conversationId}","message_id":"${messageId}",` +
      `"created_at":${turn.message.createdAt},"task_id":"${taskId}","id":"${messageId}"`;
    expect((await stream).text()).toBe(
      `data: {"event":"message",${envelope},"answer":"你 👋","from_variable_selector":null}\n\nevent: ping\n\n` +
        `data: {"event":"message_end",${envelope},"metadata":{"annotation_reply":null,"retriever_resources":[],` +
        '"usage":{"prompt_tokens":4,"prompt_unit_price":"0.001","prompt_price_unit":"0.001",' +
        '"prompt_price":"0.0000040","completion_tokens":2,"completion_unit_price":"0.002",' +
        '"completion_price_unit":"0.001","completion_price":"0.0000040","total_tokens":6,' +
        '"total_price":"0.0000080","currency":"USD","latency":0.5,' +
        '"time_to_first_token":null,"time_to_generate":null}},"files":null}\n\n',
    );
  });

  it.each(['0.15', '1.x'] as const)(
    'is chunked, without headers that disable buffering (%s)',
    async (profile) => {
      await start({ profile });
      const { status, headers, over } = await ask(dify);
      expect(status).toBe(200);
      expect(headers).toMatchObject({
        'content-type': 'text/event-stream; charset=utf-8',
        'transfer-encoding': 'chunked',
      });
      expect(headers).not.toHaveProperty('cache-control');
      expect(headers).not.toHaveProperty('x-accel-buffering');
      expect(await over).toBe('ended');
    },
  );

  it('has UUID v4 ids and one creation time in every event', async () => {
    await start();
    const events = await readEvents(await ask(dify));
    const [first] = events;
    for (const field of ['conversation_id', 'message_id', 'task_id']) expect(first?.[field]).toMatch(uuid);
    for (const field of ['conversation_id', 'message_id', 'task_id', 'created_at', 'id']) {
      expect(new Set(events.map((event) => event[field])).size).toBe(1);
    }
    expect(first?.['id']).toBe(first?.['message_id']);
    expect(Math.abs(Number(first?.['created_at']) - Date.now() / 1000)).toBeLessThan(60);
  });

  it('plays the character of the prompt, and knows the earlier questions', async () => {
    await start();
    const inputs = { prompt: 'You are Ada, a lighthouse keeper.', undeclared: 1 };
    const first = await readEvents(await ask(dify, { inputs }));
    expect(answerOf(first)).toMatch(/^Ada here, a lighthouse keeper\..*“How is the sea\?”/u);
    const conversation_id = first[0]?.['conversation_id'];
    const second = await readEvents(await ask(dify, { inputs, query: 'And the sky?', conversation_id }));
    expect(second[0]?.['conversation_id']).toBe(conversation_id);
    expect(answerOf(second)).toMatch(/“And the sky\?” is your 2nd question.*“How is the sea\?”/u);
    const saved = dify.messages(String(conversation_id));
    expect(saved.map(({ answer }) => answer)).toEqual([answerOf(first), answerOf(second)]);
    expect(saved[0]?.inputs).toEqual({ prompt: inputs.prompt });
  });

  it('inserts its row before the first byte, and saves the answer before message_end', async () => {
    await start();
    const reply = held();
    const stream = ask(dify);
    const { conversationId, say, finish, cut } = await reply;
    expect(dify.messages(conversationId)).toMatchObject([{ query: 'How is the sea?', answer: '' }]);
    await say('Calm.');
    expect(dify.messages(conversationId)).toMatchObject([{ answer: '' }]);
    await finish();
    await (await stream).until('message_end');
    expect(dify.messages(conversationId)).toMatchObject([{ answer: 'Calm.' }]);
    await cut();
  });

  it('contains pings', async () => {
    await start({ pingEveryMs: 5 });
    dify.next({ name: 'stall-with-pings', after: 1 });
    const stream = await ask(dify);
    await stream.until('event: ping\n\nevent: ping\n\n');
    stream.leave();
    await dify.idle();
  });

  it('adds a second message when the same question is posted twice', async () => {
    await start();
    const [first] = await readEvents(await ask(dify));
    const conversation_id = String(first?.['conversation_id']);
    await readEvents(await ask(dify, { conversation_id }));
    expect(dify.messages(conversation_id)).toHaveLength(2);
    await readEvents(await ask(dify));
    expect(dify.conversations()).toHaveLength(2);
  });
});

describe('reply whose client disconnects', () => {
  it('keeps an empty answer with status normal and without error', async () => {
    await start({ tokenIntervalMs: 5 });
    const stream = await ask(dify);
    const [first] = toEvents((await stream.until('\n\n')).split('\n\n', 1)[0] ?? '');
    stream.leave();
    await dify.idle();
    expect(dify.messages(String(first?.['conversation_id']))).toMatchObject([
      { answer: '', status: 'normal', error: null },
    ]);
  });

  it('is still saved when generation is detached', async () => {
    await start({ detached: true });
    const reply = held();
    const stream = ask(dify);
    const { say, end, closed, conversationId } = await reply;
    await say('Hel');
    (await stream).leave();
    await closed;
    await say('lo');
    await end();
    expect(dify.messages(conversationId)).toMatchObject([{ answer: 'Hello' }]);
  });

  it('frees a slot of the concurrency limit', async () => {
    await start({ apps: [{ key: 'app-one', mode: 'chat', maxActiveRequests: 1 }] });
    dify.next('stall');
    const first = await ask(dify);
    await first.until('answer');
    const refused = await ask(dify);
    await refused.over;
    expect(refused.status).toBe(400);
    first.leave();
    await dify.idle();
    const accepted = await ask(dify);
    expect(accepted.status).toBe(200);
    await accepted.over;
  });
});

describe('POST /chat-messages/:task_id/stop', () => {
  const stop = (taskId: string, user: string, key = dify.apiKey): ReturnType<typeof readJson> =>
    readJson(dify, `/v1/chat-messages/${taskId}/stop`, { body: { user }, key });

  it('ends the reply with message_end and saves the partial text', async () => {
    await start();
    const reply = held();
    const stream = ask(dify);
    const { say, taskId, conversationId } = await reply;
    await say('Hel');
    expect(await stop(taskId, 'ann')).toMatchObject({ status: 200, json: { result: 'success' } });
    const events = await readEvents(await stream);
    expect(events.map(({ event }) => event)).toEqual(['message', 'message_end']);
    expect(dify.messages(conversationId)).toMatchObject([{ answer: 'Hel', status: 'normal', error: null }]);
    await say('lo');
    expect(dify.messages(conversationId)).toMatchObject([{ answer: 'Hel' }]);
  });

  it('returns success without effect for another user, another app and an unknown task', async () => {
    await start();
    const reply = held();
    const stream = ask(dify);
    const { say, end, taskId } = await reply;
    await say('Hel');
    for (const answer of [
      await stop(taskId, 'bob'),
      await stop(taskId, 'ann', keys.agent),
      await stop('none', 'ann'),
    ]) {
      expect(answer).toMatchObject({ status: 200, json: { result: 'success' } });
    }
    await say('lo');
    await end();
    expect(answerOf(await readEvents(await stream))).toBe('Hello');
  });

  it('stops the text, and ends a chatflow with status stopped', async () => {
    await start({ tokenIntervalMs: 20 });
    const stream = await ask(dify, {}, keys.chatflow);
    const text = await stream.until('"answer":"');
    const taskId = /"task_id":"([^"]+)"/u.exec(text)?.[1] ?? '';
    await stop(taskId, 'ann', keys.chatflow);
    const events = await readEvents(stream);
    expect(events.slice(-2).map(({ event }) => event)).toEqual(['workflow_finished', 'message_end']);
    expect(events.at(-2)).toMatchObject({ data: { status: 'stopped' } });
  });

  it('requires a user', async () => {
    await start();
    const answer = await readJson(dify, '/v1/chat-messages/x/stop', { body: {} });
    expect(answer).toMatchObject({ status: 400, json: { message: 'Arg user must be provided.' } });
  });
});

describe('app modes', () => {
  it('agent: sends thoughts, text and message_end', async () => {
    await start();
    const events = await readEvents(await ask(dify, {}, keys.agent));
    const order = events.map(({ event }) => event).join(' ');
    expect(order).toMatch(
      /^agent_thought agent_message (agent_thought ){3}(agent_message )+agent_thought message_end$/u,
    );
    expect(events[0]).toMatchObject({
      thought: '',
      tool: '',
      observation: '',
      position: 1,
      message_files: [],
    });
    expect(events[3]).toMatchObject({ id: events[0]?.['id'], tool: 'current_time', position: 1 });
    expect(events.at(-2)).toMatchObject({ thought: answerOf(events), position: 2 });
    expect(events[5]).not.toHaveProperty('from_variable_selector');
  });

  it('new agent: sends the whole answer again, and saves it once', async () => {
    await start();
    const events = await readEvents(await ask(dify, {}, keys.newAgent));
    const copy = events.find(({ event }) => event === 'message');
    const text = events
      .filter(({ event }) => event === 'agent_message')
      .map(({ answer }) => answer)
      .join('');
    expect(copy?.['answer']).toBe(text);
    expect(events.at(-1)?.event).toBe('message_end');
    expect(dify.messages(String(copy?.['conversation_id']))).toMatchObject([{ answer: text }]);
  });

  it.each(['0.15', '1.x'] as const)('chatflow: sends the events of %s', async (profile) => {
    const expected =
      /^workflow_started (node_\w+ ){3}(message )+(node_\w+ ){3}workflow_finished message_end$/u;
    await start({ profile });
    const inputs = { prompt: 'You are Ada.' };
    const events = await readEvents(await ask(dify, { inputs }, keys.chatflow));
    expect(events.map(({ event }) => event).join(' ')).toMatch(expected);
    const started = events.find(({ event }) => event === 'workflow_started')?.['data'];
    expect(started).toMatchObject({ inputs: { prompt: 'You are Ada.', 'sys.query': 'How is the sea?' } });
    expect('sequence_number' in (started as object)).toBe(profile === '0.15');
    const llm = events.filter(({ event }) => event === 'node_finished')[1];
    expect(llm).toMatchObject({
      workflow_run_id: expect.stringMatching(uuid),
      data: {
        node_type: 'llm',
        status: 'succeeded',
        process_data: {
          prompts: [
            { role: 'system', text: 'You are Ada.' },
            { role: 'user', text: 'How is the sea?' },
          ],
        },
        outputs: { text: answerOf(events) },
      },
    });
    const finished = events.find(({ event }) => event === 'workflow_finished');
    expect(finished).toMatchObject({ data: { status: 'succeeded', total_steps: 3 } });
  });

  it('completion app: returns not_chat_app', async () => {
    await start({ apps: [{ key: 'app-text', mode: 'completion' }] });
    const answer = await readJson(dify, '/v1/chat-messages', {
      body: { query: 'x', inputs: {}, user: 'ann' },
    });
    expect(answer).toMatchObject({ status: 400, json: { code: 'not_chat_app' } });
  });
});

describe('blocking reply', () => {
  const body = { query: 'How is the sea?', inputs: {}, user: 'ann', response_mode: 'blocking' };

  it('is one JSON body, and the default response mode', async () => {
    await start();
    const { status, headers, json } = await readJson(dify, '/v1/chat-messages', { body });
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    const { id, conversation_id } = json as Record<string, string>;
    expect(json).toMatchObject({
      event: 'message',
      task_id: expect.stringMatching(uuid),
      message_id: id,
      mode: 'chat',
      answer: expect.stringContaining('How is the sea?'),
      metadata: { annotation_reply: null, retriever_resources: [], usage: { currency: 'USD' } },
    });
    const { answer } = json as Record<string, unknown>;
    expect(dify.messages(conversation_id ?? '')).toMatchObject([{ id, answer }]);
    const without = await readJson(dify, '/v1/chat-messages', {
      body: { ...body, response_mode: undefined },
    });
    expect(without.json).toMatchObject({ event: 'message' });
  });

  it('is refused for an agent', async () => {
    await start();
    expect(await readJson(dify, '/v1/chat-messages', { body, key: keys.agent })).toMatchObject({
      status: 400,
      json: { code: 'invalid_param', message: 'Agent Chat App does not support blocking mode' },
    });
  });

  it('returns an error as HTTP status', async () => {
    await start();
    dify.next({ name: 'error-after-deltas', code: 'provider_quota_exceeded' });
    expect(await readJson(dify, '/v1/chat-messages', { body })).toMatchObject({
      status: 400,
      json: { code: 'provider_quota_exceeded', status: 400 },
    });
  });
});

describe('name of a new conversation', () => {
  it('keeps the socket of 0.15 open after message_end', async () => {
    await start({ profile: '0.15', titleDelayMs: 60_000 });
    const stream = await ask(dify);
    await stream.until('message_end');
    expect(dify.openStreams).toBe(1);
    expect(dify.conversations()[0]?.name).toBe('New conversation');
    stream.leave();
    await dify.idle();
  });

  it('is the question, unless auto_generate_name is false', async () => {
    await start({ profile: '0.15' });
    await (
      await ask(dify)
    ).over;
    await (
      await ask(dify, { auto_generate_name: false })
    ).over;
    expect(dify.conversations().map(({ name }) => name)).toEqual(['How is the sea?', 'New conversation']);
  });
});

describe('refused question', () => {
  const whole = { query: 'x', inputs: {}, user: 'ann', response_mode: 'streaming' };
  const json = (body: unknown, headers = {}): ReturnType<typeof readJson> =>
    readJson(dify, '/v1/chat-messages', { body, headers });

  describe.each(['0.15', '1.x'] as const)('in %s', (profile: Profile) => {
    beforeEach(() => start({ profile }));
    afterEach(() => expect(dify.conversations()).toEqual([]));

    it.each([
      [{ authorization: '' }, "Authorization header must be provided and start with 'Bearer'"],
      [
        { authorization: 'app-emulated-chat' },
        "Authorization header must be provided and start with 'Bearer'",
      ],
      [{ authorization: 'Basic app-emulated-chat' }, "Authorization scheme must be 'Bearer'"],
      [{ authorization: 'Bearer app-unknown' }, 'Access token is invalid'],
    ])('gets 401 for %j', async (headers, message) => {
      const answer = await json(whole, headers);
      expect(answer).toMatchObject({ status: 401, json: { code: 'unauthorized', message, status: 401 } });
      expect(answer.headers['www-authenticate']).toBe(profile === '1.x' ? 'Bearer realm="api"' : undefined);
    });

    it('is not caused by another case of the scheme', async () => {
      const answer = await json({ ...whole, query: '' }, { authorization: 'bearer app-emulated-chat' });
      expect(answer.status).toBe(400);
    });

    it.each([
      [{ ...whole, query: '' }, 'query is required'],
      [{ ...whole, user: undefined }, 'Arg user must be provided.'],
      [{ ...whole, user: '' }, 'Arg user must be provided.'],
      [{ ...whole, inputs: { prompt: 5 } }, "(type 'paragraph') prompt in input form must be a string"],
    ])('gets invalid_param for %j', async (body, message) => {
      expect(await json(body)).toMatchObject({
        status: 400,
        json: { code: 'invalid_param', message, status: 400 },
      });
    });

    it('gets 404 for an unknown conversation', async () => {
      const conversation_id = '8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01';
      expect(await json({ ...whole, conversation_id })).toMatchObject({
        status: 404,
        json: {
          code: 'not_found',
          message: expect.stringMatching(/^Conversation Not Exists\./u),
          status: 404,
        },
      });
    });

    it.each([
      [
        'query',
        { ...whole, query: undefined },
        'Missing required parameter in the JSON body',
        'Field required',
      ],
      [
        'inputs',
        { ...whole, inputs: undefined },
        'Missing required parameter in the JSON body',
        'Field required',
      ],
      [
        'conversation_id',
        { ...whole, conversation_id: 'x' },
        'x is not a valid uuid.',
        'must be a valid UUID',
      ],
      [
        'response_mode',
        { ...whole, response_mode: 'x' },
        'x is not a valid choice',
        "'blocking' or 'streaming'",
      ],
    ])('gets the error text of this version for a wrong %s', async (field, body, old, text) => {
      const { status, json: error } = await json(body);
      expect(status).toBe(400);
      if (profile === '0.15')
        return expect(error).toEqual({ code: 'invalid_param', message: old, params: field });
      expect(error).toMatchObject({ code: 'invalid_param', status: 400 });
      const { message } = error as { message: string };
      expect(message).toMatch(/^1 validation error for ChatRequestPayload\n/u);
      expect(message).toContain(`\n${field}\n`);
      expect(message).toContain(text);
    });

    it('gets bad_request for broken JSON and for an empty body', async () => {
      for (const body of ['{oops', ''])
        expect(await json(body)).toMatchObject({ status: 400, json: { code: 'bad_request' } });
    });

    it('gets 415 for another content type', async () => {
      const answer = await json(JSON.stringify(whole), { 'content-type': 'text/plain' });
      expect(answer).toMatchObject({ status: 415, json: { code: 'unsupported_media_type' } });
    });

    it('gets 500 for a body that makes Dify crash', async () => {
      const { status, json: error } = await json([]);
      expect(status).toBe(500);
      if (profile === '0.15') expect(error).toEqual({ message: 'Internal Server Error', code: 'unknown' });
      else expect(error).toEqual({ message: 'Internal Server Error', code: 'unknown', status: 500 });
    });

    it('gets 404 for an unknown route and 405 for a wrong method', async () => {
      const unknown = await send(dify, '/v1/nothing');
      await unknown.over;
      expect([unknown.status, unknown.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
      expect(await readJson(dify, '/v1/chat-messages')).toMatchObject({
        status: 405,
        json: { code: 'method_not_allowed' },
      });
    });
  });

  it('gets 404 for a conversation that is deleted, or of another user or app', async () => {
    await start();
    const [first] = await readEvents(await ask(dify));
    const conversation_id = String(first?.['conversation_id']);
    const message = expect.stringMatching(/^Conversation Not Exists\./u) as unknown;
    const gone = { status: 404, json: { message } };
    expect(await json({ ...whole, conversation_id, user: 'bob' })).toMatchObject(gone);
    const elsewhere = { body: { ...whole, conversation_id }, key: keys.chatflow };
    expect(await readJson(dify, '/v1/chat-messages', elsewhere)).toMatchObject(gone);
    await send(dify, `/v1/conversations/${conversation_id}`, { method: 'DELETE', body: { user: 'ann' } });
    expect(await json({ ...whole, conversation_id })).toMatchObject(gone);
  });

  it('is not caused by an empty or null conversation_id', async () => {
    await start();
    for (const conversation_id of ['', null]) expect((await ask(dify, { conversation_id })).status).toBe(200);
    await dify.idle();
  });

  it('gets 403 when the app is switched off', async () => {
    await start({ apps: [{ key: 'app-off', mode: 'chat', apiEnabled: false }] });
    expect(await json(whole)).toMatchObject({
      status: 403,
      json: { code: 'forbidden', message: "The app's API service has been disabled.", status: 403 },
    });
  });

  it.each(['0.15', '1.x'] as const)('gets invalid_param at the concurrency limit (%s)', async (profile) => {
    await start({ profile, apps: [{ key: 'app-two', mode: 'chat', maxActiveRequests: 2 }] });
    dify.always('stall');
    const streams = [await ask(dify), await ask(dify)];
    const message = expect.stringMatching(/^Too many requests\. .* is 2\.$/u) as unknown;
    expect(await json(whole)).toMatchObject({ status: 400, json: { code: 'invalid_param', message } });
    for (const stream of streams) stream.leave();
    await dify.idle();
  });

  it('gets invalid_param for inputs that break the rules of the form', async () => {
    const form = [
      { type: 'text-input', variable: 'city', required: true, maxLength: 3 },
      { type: 'select', variable: 'mood', options: ['calm', 'wild'] },
      { type: 'number', variable: 'age' },
    ] as const;
    await start({ apps: [{ key: 'app-form', mode: 'chat', form }] });
    const refusal = async (inputs: unknown): Promise<unknown> =>
      ((await json({ ...whole, inputs })).json as { message: string }).message;
    expect(await refusal({})).toBe('city is required in input form');
    expect(await refusal({ city: 1 })).toBe("(type 'text-input') city in input form must be a string");
    expect(await refusal({ city: 'Rome' })).toBe('city in input form must be less than 3 characters');
    expect(await refusal({ city: 'Ur', mood: 'x' })).toBe(
      "mood in input form must be one of the following: ['calm', 'wild']",
    );
    expect(await refusal({ city: 'Ur', age: 'x' })).toBe('age in input form must be a valid number');
    await (
      await ask(dify, { inputs: { city: 'Ur', mood: 'calm', age: '7', other: 1 } })
    ).over;
    expect(dify.conversations()[0]?.inputs).toEqual({ city: 'Ur', mood: 'calm', age: 7 });
  });
});
