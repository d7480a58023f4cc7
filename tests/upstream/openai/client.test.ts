import type OpenAI from 'openai';

import { ChatError, type ChatErrorCode } from '../../../src/chat/errors';
import type { Exchange, ReplyEvent } from '../../../src/chat/ports/upstream';
import { describeError } from '../../../src/chat/shared/log';
import type { OpenAiSettings } from '../../../src/upstream/openai/settings';
import { thrown } from '../../chat/support/collect';
import { askDify as ask, question, readDify as read, textOf } from '../../chat/support/dify';
import { expectSilence } from '../../chat/support/silence';
import { composeAnswer } from '../../dify-emulator/answer';
import { toDeltas } from '../../dify-emulator/text';
import {
  faults,
  startOpenAiEmulator,
  type OpenAiEmulator,
  type OpenAiEmulatorOptions,
  type Reply,
  type Script,
} from '../../openai-emulator';
import { answering, listen } from '../support/raw-upstream';
import { openAiClient, openAiSettings } from './support/openai';

jest.setTimeout(10_000);

/** The pieces of the emulator's answer to `question`. */
const deltas = toDeltas(composeAnswer({ prompt: question.prompt, query: question.query, earlier: [] }));
const wholeText = deltas.join('');
const first = (count: number) => deltas.slice(0, count).join('');

let openai: OpenAiEmulator;
let warnings: string[];

async function start(options: OpenAiEmulatorOptions = {}): Promise<void> {
  openai = await startOpenAiEmulator(options);
}

function client(overrides: Partial<OpenAiSettings> = {}) {
  return openAiClient(openAiSettings(openai, overrides), warnings);
}

function chatError(code: ChatErrorCode, cause?: unknown): unknown {
  return expect.objectContaining({ name: 'ChatError', code, ...(cause !== undefined && { cause }) });
}

function heldReply(): Promise<Reply> {
  return new Promise((resolve) => openai.next((reply) => resolve(reply)));
}

async function* exchanges(...given: readonly Exchange[]): AsyncGenerator<Exchange> {
  yield* given;
}

beforeEach(async () => {
  warnings = [];
  await start();
});

afterEach(async () => {
  await openai.idle();
  await openai.close();
});

describe('createOpenAiClient', () => {
  describe('sends', () => {
    it('the prompt, the earlier exchanges from old to new, and the question', async () => {
      const earlier = () =>
        exchanges({ question: 'And then?', answer: 'Nothing.' }, { question: 'Who?', answer: 'Ada.' });
      await ask(client(), { earlier });
      expect(openai.requests).toMatchObject([{ method: 'POST', path: '/v1/chat/completions' }]);
      expect(openai.requests[0]?.body).toEqual({
        model: 'emulated-model',
        messages: [
          { role: 'system', content: question.prompt },
          { role: 'user', content: 'Who?' },
          { role: 'assistant', content: 'Ada.' },
          { role: 'user', content: 'And then?' },
          { role: 'assistant', content: 'Nothing.' },
          { role: 'user', content: question.query },
        ],
        stream: true,
        stream_options: { include_usage: true },
        user: 'user-ada',
      } satisfies OpenAI.Chat.ChatCompletionCreateParamsStreaming);
    });

    it('the key, the Accept header and only the usual other headers', async () => {
      await ask(client());
      const { host: _host, 'content-length': _length, ...headers } = openai.requests[0]?.headers ?? {};
      expect(headers).toEqual({
        authorization: `Bearer ${openai.apiKey}`,
        accept: 'text/event-stream',
        'accept-encoding': 'identity',
        'content-type': 'application/json',
        'user-agent': 'character-chat',
        connection: 'close',
      });
    });

    it('the model and the known parameters of the character', async () => {
      await openai.close();
      await start({ models: ['small'] });
      const parameters = {
        temperature: 0.7,
        top_p: 1,
        max_tokens: 300,
        max_completion_tokens: 300,
        presence_penalty: -1,
        frequency_penalty: 0.5,
        seed: 7,
        stop: ['\n\n'],
        reasoning_effort: 'low',
        // These belong to this server.
        stream: false,
        n: 3,
        messages: [],
        tools: [],
      };
      const answer = await ask(client(), { model: { name: 'small' }, parameters });
      expect(answer).toMatchObject({ text: wholeText, error: undefined });
      const { messages, ...body } = openai.requests[0]?.body as Record<string, unknown>;
      expect(messages).toHaveLength(2);
      expect(body).toEqual({
        model: 'small',
        temperature: 0.7,
        top_p: 1,
        max_tokens: 300,
        max_completion_tokens: 300,
        presence_penalty: -1,
        frequency_penalty: 0.5,
        seed: 7,
        stop: ['\n\n'],
        reasoning_effort: 'low',
        stream: true,
        stream_options: { include_usage: true },
        user: 'user-ada',
      });
    });

    it('no request if a parameter has a wrong value', async () => {
      const { error } = await ask(client(), { parameters: { temperature: 'warm' } });
      expect(error).toEqual(chatError('upstream-misconfigured'));
      expect(describeError(error)).toContain('temperature');
      expect(openai.requests).toEqual([]);
    });

    it('no request if the earlier exchanges cannot be read, and throws that error', async () => {
      const unavailable = new ChatError('database-unavailable');
      const earlier = async function* () {
        yield { question: 'Who?', answer: 'Ada.' };
        throw unavailable;
      };
      expect((await ask(client(), { earlier })).error).toBe(unavailable);
      expect(openai.requests).toEqual([]);
    });

    it('each question over its own connection', async () => {
      const upstream = await answering(200, '{"choices":[]}');
      const asking = openAiClient(openAiSettings(upstream));
      await Promise.all([ask(asking), ask(asking), ask(asking)]);
      expect(upstream.connections()).toBe(3);
      await upstream.close();
    });

    it.each([400, 422])('no stream_options to a server that refuses them with %d', async (status) => {
      openai.always(faults.refusesStreamOptions(status));
      const asking = client();
      for (let asked = 0; asked < 2; asked += 1) {
        const { text, events, error } = await ask(asking);
        expect([text, error]).toEqual([wholeText, undefined]);
        expect(events.at(-1)).toEqual({ type: 'completed', usage: null });
      }
      const sent = openai.requests.map(({ body }) => Object.hasOwn(body as object, 'stream_options'));
      expect(sent).toEqual([true, false, false]);
    });

    it('stream_options again after a refusal that only quotes them', async () => {
      openai.always(faults.refuses(422, { message: 'Too long: "What is stream_options?"' }));
      const asking = client();
      expect((await ask(asking)).error).toEqual(chatError('upstream-rejected'));
      openai.always(faults.finishes('stop'));
      expect((await ask(asking)).events.at(-1)).toMatchObject({ usage: { prompt_tokens: 20 } });
    });

    it('a question that is refused for another reason only once', async () => {
      openai.always(faults.refuses(400, { message: 'Too many messages.' }));
      const { error } = await ask(client());
      expect(error).toEqual(chatError('upstream-rejected'));
      expect(describeError(error)).toContain('Too many messages.');
      expect(openai.requests).toHaveLength(1);
    });
  });

  describe('reads', () => {
    it('the ids, the text and the usage', async () => {
      const { events, error } = await ask(client());
      expect(error).toBeUndefined();
      const [begun, identified, ...rest] = events;
      expect(begun).toEqual({
        type: 'identified',
        taskId: expect.stringMatching(/^[0-9a-f-]{36}$/u),
        messageId: undefined,
        conversationId: undefined,
      });
      expect(identified).toEqual({ ...begun, messageId: expect.stringMatching(/^chatcmpl-\w{32}$/u) });
      expect(rest).toEqual([
        ...deltas.map((text) => ({ type: 'delta', text })),
        {
          type: 'completed',
          usage: {
            prompt_tokens: 20,
            completion_tokens: deltas.length,
            total_tokens: 20 + deltas.length,
          },
        },
      ]);
    });

    it.each<[string, Script]>([
      ['each byte as its own chunk', faults.splitEveryByte()],
      ['characters split between chunks', faults.splitCharacters()],
      ['several frames in one chunk', faults.severalFrames()],
      ['CRLF', faults.crlf()],
      ['comments that keep the connection alive', faults.comments()],
      ['no content type', faults.noContentType()],
      ['one JSON object in place of a stream', faults.jsonInsteadOfStream()],
      ['reasoning before the answer', faults.reasoning()],
      ['an answer that is cut at max_tokens', faults.finishes('length')],
      ['a tool call after the text', faults.finishes('tool_calls')],
      ['no [DONE]', faults.withoutDone()],
      ['no finish reason', faults.withoutFinishReason()],
    ])('%s', async (_name, fault) => {
      openai.next(fault);
      const { text, events, error } = await ask(client());
      expect([text, error]).toEqual([wholeText, undefined]);
      expect(events.filter(({ type }) => type === 'completed')).toHaveLength(1);
      expect(events.at(-1)?.type).toBe('completed');
      expect(warnings).toEqual([]);
    });

    it('text in any script', async () => {
      openai.next(faults.splitCharacters());
      const { text } = await ask(client(), { query: '大海今天怎么样？🌊 tell me' });
      expect(text).toContain('大海今天怎么样？🌊 tell me');
    });

    it('past a frame that is not JSON, and warns without quoting it', async () => {
      openai.next(faults.malformedFrame());
      expect(await ask(client())).toMatchObject({ text: wholeText, error: undefined });
      expect(warnings).toEqual([expect.not.stringContaining('brok')]);
    });

    it('each text before the server sends the next one', async () => {
      const held = heldReply();
      const batches = read(client());
      expect(await batches.next()).toMatchObject([{ type: 'identified' }]);
      const { say, finish, done, end, id } = await held;
      await say('Hel');
      expect(await batches.next()).toMatchObject([
        { type: 'identified', messageId: id },
        { type: 'delta', text: 'Hel' },
      ]);
      await say('lo');
      expect(await batches.next()).toEqual([{ type: 'delta', text: 'lo' }]);
      await finish();
      await done();
      await end();
      expect((await batches.next())?.at(-1)?.type).toBe('completed');
      expect(await batches.next()).toBeNull();
    });

    it('nothing after [DONE]', async () => {
      openai.next(async ({ tell, finish, done, say, end }) => {
        await tell(2);
        await finish();
        await done();
        await say('again');
        await end();
      });
      expect(await ask(client())).toMatchObject({ text: first(2), error: undefined });
    });

    it('the end in time if nothing follows the finish reason', async () => {
      openai.next(faults.silenceAfterFinish());
      const answer = await ask(client({ endTimeoutMs: 60 }));
      expect(answer).toMatchObject({ text: wholeText, error: undefined });
    });
  });

  describe('maps a failed request to an error code:', () => {
    it.each<[string, Script, ChatErrorCode]>([
      ['a wrong key', faults.refuses(401, { code: 'invalid_api_key' }), 'upstream-misconfigured'],
      ['a key without rights', faults.refuses(403, {}), 'upstream-misconfigured'],
      ['an unknown model', faults.refuses(404, { code: 'model_not_found' }), 'upstream-misconfigured'],
      ['a wrong address', faults.htmlPage(404), 'upstream-misconfigured'],
      ['a bad field', faults.refuses(400, {}), 'upstream-rejected'],
      ['too long a context', faults.refuses(400, { code: 'context_length_exceeded' }), 'upstream-rejected'],
      ['a filtered question', faults.refuses(400, { code: 'content_filter' }), 'upstream-rejected'],
      ['a timeout', faults.refuses(408, {}), 'upstream-timeout'],
      ['too large a body', faults.htmlPage(413), 'upstream-rejected'],
      ['an invalid field', faults.refuses(422, {}), 'upstream-rejected'],
      ['a rate limit', faults.refuses(429, { code: 'rate_limit_exceeded' }), 'upstream-busy'],
      ['a used-up quota', faults.refuses(429, { code: 'insufficient_quota' }), 'upstream-quota-exceeded'],
      ['no credit', faults.refuses(402, {}), 'upstream-quota-exceeded'],
      ['a bug', faults.refuses(500, { type: 'server_error' }), 'upstream-failed'],
      ['an HTML 502', faults.htmlPage(502), 'upstream-failed'],
      ['an HTML 503', faults.htmlPage(503), 'upstream-busy'],
      ['an HTML 504', faults.htmlPage(504), 'upstream-timeout'],
      ['an overloaded model', faults.refuses(529, {}), 'upstream-busy'],
      ['a login page', faults.htmlPage(200), 'upstream-malformed'],
      ['no answer', faults.noAnswer(), 'upstream-unreachable'],
    ])('%s', async (_name, fault, code) => {
      openai.next(fault);
      const { events, error } = await ask(client());
      expect(error).toEqual(chatError(code));
      expect(events.map(({ type }) => type)).toEqual(['identified']);
      expect(openai.requests).toHaveLength(1);
    });

    it('a rate limit, with the time to wait', async () => {
      openai.next(faults.refuses(429, { code: 'rate_limit_exceeded' }, '20'));
      expect((await ask(client())).error).toMatchObject({ retryAfterSeconds: 20 });
    });

    it('an error with the status of a success', async () => {
      const upstream = await answering(200, '{"error":{"message":"Busy","code":503}}');
      const { error } = await ask(openAiClient(openAiSettings(upstream)));
      expect(error).toEqual(chatError('upstream-busy'));
      await upstream.close();
    });

    it('a redirect, and does not follow it', async () => {
      const elsewhere = await answering(200, '{}');
      openai.next(faults.redirects(`${elsewhere.url}/v1/chat/completions`));
      expect((await ask(client())).error).toEqual(chatError('upstream-malformed'));
      expect(elsewhere.connections()).toBe(0);
      await elsewhere.close();
    });

    it('a refused connection', async () => {
      const upstream = await listen(() => undefined);
      await upstream.close();
      const { error } = await ask(openAiClient(openAiSettings(upstream)));
      expect(error).toEqual(chatError('upstream-unreachable', { transportCode: 'ECONNREFUSED' }));
    });
  });

  describe('passes on the text so far and then the error, if the answer breaks off:', () => {
    it.each<[string, Script, string, ChatErrorCode]>([
      ['EOF in the middle', faults.eof(4), first(4), 'upstream-interrupted'],
      ['EOF before any text', faults.eof(0), '', 'upstream-interrupted'],
      ['RST inside a frame', faults.reset(3), first(3), 'upstream-interrupted'],
      [
        'an error of the model',
        faults.errorInStream(3, { message: 'Oops', type: 'server_error', code: null }),
        first(3),
        'upstream-failed',
      ],
      [
        'an error with a status in place of a code',
        faults.errorInStream(1, { message: 'Slow down', code: 429 }),
        first(1),
        'upstream-busy',
      ],
      ['an error in one sentence', faults.errorInStream(2, 'out of memory'), first(2), 'upstream-failed'],
      ['a content filter', faults.finishes('content_filter', 3), first(3), 'upstream-rejected'],
      ['a tool call in place of text', faults.toolCalls(), '', 'upstream-failed'],
      ['all tokens used before the text', faults.finishes('length', 0), '', 'upstream-failed'],
    ])('%s', async (_name, fault, text, code) => {
      openai.next(fault);
      const answer = await ask(client());
      expect(answer.error).toEqual(chatError(code));
      expect(answer.text).toBe(text);
      expect(answer.events.filter(({ type }) => type === 'completed')).toEqual([]);
    });

    it('an answer of tool calls, and tells the operator why', async () => {
      openai.next(faults.toolCalls());
      expect(describeError((await ask(client())).error)).toContain('The model called a tool');
    });

    it('a frame over the size limit', async () => {
      openai.next(faults.hugeFrame(30_000));
      const { error } = await ask(client({ maxFrameChars: 10_000 }));
      expect(error).toEqual(chatError('upstream-malformed'));
    });

    it('a JSON object over the size limit', async () => {
      const upstream = await answering(200, `{"choices":[],"padding":"${'x'.repeat(40_000)}"}`);
      const settings = openAiSettings(upstream, { maxFrameChars: 10_000 });
      expect((await ask(openAiClient(settings))).error).toEqual(chatError('upstream-malformed'));
      await upstream.idle();
      await upstream.close();
    });
  });

  describe('gives up', () => {
    it('on a first byte that never arrives', async () => {
      openai.next(({ closed }) => closed);
      const { error } = await ask(client({ firstByteTimeoutMs: 30 }));
      expect(error).toEqual(chatError('upstream-timeout', { expired: 'first byte' }));
    });

    it('on a reply that sends no more bytes, and passes on the text so far', async () => {
      openai.next(faults.stall(2));
      const { text, error } = await ask(client({ idleTimeoutMs: 50 }));
      expect(error).toEqual(chatError('upstream-interrupted', { expired: 'idle' }));
      expect(text).toBe(first(2));
    });
  });

  describe('stops', () => {
    /** Asks, and stops when the text so far is `at`. */
    async function stopAt(at: string, fault: Script): Promise<{ events: ReplyEvent[]; error: unknown }> {
      openai.next(fault);
      const asking = client();
      const events: ReplyEvent[] = [];
      let taskId = '';
      const error = await asking
        .ask(question, (batch) => {
          events.push(...batch);
          for (const event of batch) if (event.type === 'identified') taskId = event.taskId ?? '';
          if (textOf(events) === at) void asking.stop(taskId, question.user);
        })
        .catch((reason: unknown) => reason);
      return { events, error };
    }

    it('an answer in the middle: ends the request, and completes the text so far', async () => {
      const { events, error } = await stopAt(first(3), faults.stall(3));
      expect(error).toBeUndefined();
      expect(textOf(events)).toBe(first(3));
      expect(events.at(-1)).toEqual({ type: 'completed', usage: null });
      await openai.idle();
    });

    it('an answer before its first byte', async () => {
      const { events, error } = await stopAt('', faults.stall(0));
      expect(error).toBeUndefined();
      expect(events.map(({ type }) => type)).toEqual(['identified', 'completed']);
      await openai.idle();
    });

    it('only the answer with this task id', async () => {
      const held = heldReply();
      const asking = client();
      const asked = ask(asking);
      const { tell, finish, done, end } = await held;
      await tell(2);
      await asking.stop('another', question.user);
      await finish();
      await done();
      await end();
      expect(await asked).toMatchObject({ text: first(2), error: undefined });
    });
  });

  it('closes the connection if the reader throws, and throws that error', async () => {
    openai.next(faults.stall(2));
    const enough = new ChatError('answer-too-long');
    const asked = client().ask(question, (events) => {
      if (textOf(events) !== '') throw enough;
    });
    await expect(asked).rejects.toBe(enough);
    await openai.idle();
  });

  it('has nothing else that a server without conversations could do', async () => {
    const asking = client();
    const lost = { user: 'user-ada', query: 'Who?', askedAt: new Date(), conversationId: null };
    expect(asking.waiting()).toBe(0);
    expect(await asking.findLostAnswer(lost)).toBeNull();
    expect(await asking.suggestQuestions('m', 'user-ada')).toEqual([]);
    await asking.rate('m', { user: 'user-ada', rating: 'like' });
    await asking.deleteConversation('c', 'user-ada');
    await asking.stop('t', 'user-ada');
    expect(openai.requests).toEqual([]);
  });

  describe('shows no data of the request in its errors:', () => {
    const secrets = ['short-key', 'Ada', 'How is the sea'];

    it.each<[string, Script]>([
      ['a refusal', faults.refuses(401, { message: 'short-key is wrong', code: 'invalid_api_key' })],
      ['an error in the stream', faults.errorInStream(0, { message: 'short-key is wrong' })],
      ['a broken connection', faults.reset(2)],
      ['no answer', faults.noAnswer()],
      ['a page', faults.htmlPage(200)],
    ])('%s', async (_name, fault) => {
      await openai.close();
      await start({ apiKey: 'short-key' });
      openai.next(fault);
      expectSilence((await ask(client())).error, secrets);
    });
  });
});

describe('findProblem', () => {
  it('returns null if the server lists the model, and asks no model', async () => {
    expect(await client().findProblem()).toBeNull();
    expect(openai.requests).toMatchObject([{ method: 'GET', path: '/v1/models' }]);
  });

  it.each([
    ['other', 'model-unknown'],
    ['llama', null],
    ['gemini', null],
  ])('compares the model %j with the listed ones: %j', async (model, code) => {
    await openai.close();
    await start({ models: ['llama:latest', 'models/gemini'] });
    expect((await client({ model }).findProblem())?.code ?? null).toBe(code);
  });

  it('reports a refused key, without showing it', async () => {
    const problem = await client({ apiKey: 'sk-wrong' }).findProblem();
    expect(problem?.code).toBe('key-refused');
    expect(problem?.message).not.toContain('sk-wrong');
  });

  it('returns null if the server has no list of models', async () => {
    await openai.close();
    await start({ models: null });
    expect(await client().findProblem()).toBeNull();
  });

  it.each([
    ['something else', 200, '[]', null],
    ['no content', 204, '', null],
    ['the page of a proxy', 200, '<html>Sign in</html>', 'upstream-malformed'],
    ['a failure', 500, '', 'upstream-failed'],
    ['an overload', 503, '', 'upstream-busy'],
  ])('treats %s as what it is', async (_name, status, body, code) => {
    const upstream = await answering(status, body);
    const found = openAiClient(openAiSettings(upstream)).findProblem();
    if (code === null) expect(await found).toBeNull();
    else expect(await thrown(found)).toEqual(chatError(code as ChatErrorCode));
    await upstream.close();
  });

  it('throws upstream-unreachable if the server cannot be reached', async () => {
    const upstream = await listen(() => undefined);
    await upstream.close();
    const error = await thrown(openAiClient(openAiSettings(upstream)).findProblem());
    expect(error).toEqual(chatError('upstream-unreachable'));
  });
});
