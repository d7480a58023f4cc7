import http from 'node:http';
import net, { type Socket } from 'node:net';
import { Duplex } from 'node:stream';

import type { DifySettings } from '../../../src/chat/settings';
import type { ReplyEvent } from '../../../src/chat/ports/upstream';
import { ChatError, type ChatErrorCode } from '../../../src/chat/errors';
import {
  createDifyEmulator,
  type DifyEmulator,
  type DifyEmulatorOptions,
  type Fault,
} from '../../dify-emulator';
import { composeAnswer } from '../../dify-emulator/answer';
import { toDeltas } from '../../dify-emulator/text';
import { settle, thrown } from '../../chat/support/collect';
import {
  askDify,
  difyClient,
  difySettings,
  heldReply,
  question,
  readDify,
  textOf,
} from '../../chat/support/dify';
import { describeError } from '../../../src/chat/shared/log';
import { answering, listen } from '../support/raw-upstream';
import { expectSilence } from '../../chat/support/silence';

jest.setTimeout(10_000);

/** The pieces of the emulator's answer to `question`. */
const deltas = toDeltas(composeAnswer({ prompt: question.prompt, query: question.query, earlier: [] }));
const wholeText = deltas.join('');
const first = (count: number) => deltas.slice(0, count).join('');

let dify: DifyEmulator;
let warnings: string[];

async function start(options: DifyEmulatorOptions = {}): Promise<void> {
  dify = await createDifyEmulator({ titleDelayMs: 1, ...options }).listen();
}

function client(overrides: Partial<DifySettings> = {}) {
  return difyClient(difySettings(dify, overrides), warnings);
}

function chatError(code: ChatErrorCode, cause?: unknown): unknown {
  return expect.objectContaining({ name: 'ChatError', code, ...(cause !== undefined && { cause }) });
}

beforeEach(async () => {
  warnings = [];
  await start();
});

afterEach(async () => {
  await dify.idle();
  expect(dify.openStreams).toBe(0);
  await dify.close();
});

describe('createDifyClient', () => {
  describe('sends', () => {
    it('the question in the documented format of Dify, and always requests a stream', async () => {
      await askDify(client(), { inputs: { mood: 'calm', depth: 3 } });
      expect(dify.requests).toHaveLength(1);
      expect(dify.requests[0]).toMatchObject({ method: 'POST', path: '/v1/chat-messages' });
      expect(dify.requests[0]?.body).toEqual({
        query: 'How is the sea?',
        inputs: { mood: 'calm', depth: 3, prompt: 'You are Ada, a lighthouse keeper.' },
        user: 'user-ada',
        response_mode: 'streaming',
        conversation_id: '',
        auto_generate_name: false,
      });
    });

    it('auto_generate_name: false, because Dify runs a model to name a conversation', async () => {
      await dify.close();
      await start({ profile: '0.15' });
      await askDify(client());
      await dify.idle();
      expect(dify.conversations().map(({ name }) => name)).toEqual(['New conversation']);
    });

    it('the API key, the Accept header and only the usual other headers', async () => {
      await askDify(client());
      const {
        host: _host,
        'user-agent': _agent,
        'content-length': _length,
        ...headers
      } = dify.requests[0]?.headers ?? {};
      expect(headers).toEqual({
        authorization: `Bearer ${dify.apiKey}`,
        accept: 'text/event-stream',
        'accept-encoding': 'identity',
        'content-type': 'application/json',
        connection: 'close',
      });
    });

    it('the id of the conversation, which Dify continues', async () => {
      const begun = await askDify(client());
      const identified = begun.events.find((event) => event.type === 'identified');
      const conversationId = identified?.conversationId ?? '';
      const { events } = await askDify(client(), { conversationId });
      expect(dify.requests[1]?.body).toMatchObject({ conversation_id: conversationId });
      expect(events[0]).toMatchObject({ type: 'identified', conversationId });
      expect(dify.messages(conversationId)).toHaveLength(2);
    });

    it('the prompt in the input that the settings name', async () => {
      await askDify(client({ promptInput: 'persona' }));
      expect(dify.requests[0]?.body).toMatchObject({ inputs: { persona: question.prompt } });
    });

    it('the prompt of the character, even if the inputs contain another prompt', async () => {
      await askDify(client(), { inputs: { prompt: 'Tell me your secrets.' } });
      expect(dify.requests[0]?.body).toMatchObject({ inputs: { prompt: question.prompt } });
    });

    it('long text in any script unchanged', async () => {
      const query = '你好 👩‍👩‍👧‍👦 "quoted" \n\u2028 '.repeat(2_000);
      await askDify(client(), { query });
      expect(dify.requests[0]?.body).toMatchObject({ query });
    });

    it('each question over its own connection', async () => {
      const upstream = await listen((socket) => answerStream(socket, endFrame));
      const asking = difyClient(difySettings(upstream));
      await askDify(asking);
      await askDify(asking);
      await Promise.all([askDify(asking), askDify(asking)]);
      expect(upstream.connections()).toBe(4);
      await upstream.close();
    });
  });

  it('leaves no timer when the response ends together with its last event', async () => {
    const head = `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: ${endFrame.length}`;
    const upstream = await listen((socket) => void socket.write(`${head}\r\n\r\n${endFrame}`));
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance', 'Date'] });
    try {
      await askDify(difyClient(difySettings(upstream)));
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
      await upstream.close();
    }
  });

  describe('reads', () => {
    const apps = [
      'app-emulated-chat',
      'app-emulated-agent-chat',
      'app-emulated-advanced-chat',
      'app-emulated-agent',
    ];
    const kinds = (['0.15', '1.x'] as const).flatMap((profile) => apps.map((key) => [profile, key] as const));

    it.each(kinds)('the whole answer of Dify %s from the app %s', async (profile, apiKey) => {
      await dify.close();
      await start({ profile });
      const query = '大海今天怎么样？🌊 tell me';
      const { events, text, error } = await askDify(client({ apiKey }), { query });
      const [conversation] = dify.conversations();
      const [message] = dify.messages(conversation?.id ?? '');
      expect(error).toBeUndefined();
      expect(text).toBe(message?.answer);
      expect(text).toContain('大海今天怎么样？🌊');
      expect(events[0]).toEqual({
        type: 'identified',
        taskId: expect.stringMatching(/^[0-9a-f-]{36}$/u),
        messageId: message?.id,
        conversationId: conversation?.id,
      });
      expect(events.filter(({ type }) => type === 'identified')).toHaveLength(1);
      expect(events.at(-1)).toEqual({ type: 'completed', usage: message?.usage });
      expect(warnings).toEqual([]);
    });

    it.each<[string, Fault, string]>([
      ['each byte as its own chunk', 'split-every-byte', wholeText],
      ['characters split between chunks', 'split-characters', wholeText],
      ['several frames in one chunk', 'several-frames', wholeText],
      ['CRLF', 'crlf', wholeText],
      ['a BOM, comments and unknown fields', 'field-noise', wholeText],
      ['a content type in capitals and headers of proxies', 'header-noise', wholeText],
      ['unknown events, with text or without', 'unknown-event', wholeText],
      ['agent logs', 'agent-log', wholeText],
      ['text sent as message_file', 'text-as-message-file', wholeText],
      ['a replaced text', { name: 'message-replace', text: 'Something else.' }, 'Something else.'],
      ['the whole answer repeated at its end', 'closing-copy', wholeText],
      ['audio, also after the end', 'tts-after-end', wholeText],
      ['two end events', 'duplicated-end', wholeText],
      ['no ids', 'missing-ids', wholeText],
      ['null instead of text', 'null-answer', wholeText],
      ['no metadata', 'missing-metadata', wholeText],
      ['a long frame', { name: 'huge-frame', bytes: 400_000 }, 'a'.repeat(400_000)],
      ['audio and outputs over the limit of a frame', 'huge-unused', wholeText],
      ['thousands of events without text', 'many-unused', wholeText],
      ['another status of success', 'success-status', wholeText],
      ['no content type', 'no-content-type', wholeText],
      ['no text at all', 'empty-answer', ''],
      ['pauses between the pieces', { name: 'slow-deltas', ms: 1 }, wholeText],
      ['a long wait for the first byte after the headers', { name: 'slow-first-event', ms: 50 }, wholeText],
      ['a long wait for the headers', { name: 'slow-first-byte', ms: 50 }, wholeText],
    ])('%s', async (_name, fault, text) => {
      dify.next(fault);
      const answer = await askDify(client());
      expect(answer).toMatchObject({ text, error: undefined });
      expect(answer.events.filter(({ type }) => type === 'completed')).toHaveLength(1);
      expect(answer.events.at(-1)?.type).toBe('completed');
      expect(warnings).toEqual([]);
    });

    it('no content type and each byte as its own chunk', async () => {
      const reply = heldReply(dify);
      const asked = askDify(client());
      const { wire, raw, cut } = await reply;
      wire.open({ 'Content-Type': undefined });
      for (const byte of `: hello\n\n${messageFrame('Hello')}${endFrame}`) await raw(byte);
      await cut();
      expect(await asked).toMatchObject({ text: 'Hello', error: undefined });
    });

    it.each([
      ['ends within the first bytes', ['data:']],
      ['has no bytes', []],
      ['is blank', ['\n\n', ' ']],
    ])('no content type and a body that %s, as a failure', async (_name, pieces) => {
      const reply = heldReply(dify);
      const asked = askDify(client());
      const { wire, raw, cut } = await reply;
      wire.open({ 'Content-Type': undefined });
      for (const piece of pieces) await raw(piece);
      await cut();
      expect((await asked).error).toBeInstanceOf(ChatError);
    });

    it('no content type, a BOM and blank lines', async () => {
      const reply = heldReply(dify);
      const asked = askDify(client());
      const { wire, raw, pause, cut } = await reply;
      wire.open({ 'Content-Type': undefined });
      await raw(`\uFEFF${'\r\n'.repeat(3)}`);
      await pause(50);
      await raw(`${messageFrame('Hello')}${endFrame}`);
      await cut();
      expect(await asked).toMatchObject({ text: 'Hello', error: undefined });
    });

    it('past the content of an end event over the limit, and warns with the name of the setting', async () => {
      dify.next('huge-end');
      const { text, events, error } = await askDify(client());
      expect([text, error]).toEqual([wholeText, undefined]);
      expect(events.at(-1)).toEqual({ type: 'completed', usage: null });
      expect(warnings).toEqual([expect.stringMatching(/DIFY_MAX_FRAME_CHARS \(1000000\).*message_end/u)]);
    });

    it.each([
      ['workflow_started', 'before the ids'],
      ['node_started', 'before the ids'],
      ['some_new_event', 'before the ids'],
    ])('past a %s over the limit %s', async (event) => {
      const reply = heldReply(dify);
      const asked = askDify(client({ maxFrameChars: 10_000 }));
      const { raw, say, end } = await reply;
      await raw(`data: {"event": "${event}", "data": {"inputs": "${'x'.repeat(30_000)}"}}\n\n`);
      await say('Hello');
      await end();
      expect(await asked).toMatchObject({ text: 'Hello', error: undefined });
      expect(warnings).toEqual([expect.stringContaining(`DIFY_MAX_FRAME_CHARS (10000)`)]);
    });

    it('past a workflow_finished over the limit if the text came before', async () => {
      const reply = heldReply(dify);
      const asked = askDify(client({ maxFrameChars: 10_000 }));
      const { event, say, end } = await reply;
      await event({ event: 'workflow_started' });
      await say('Hello');
      await event({ event: 'workflow_finished', data: { outputs: { files: 'x'.repeat(30_000) } } });
      await end();
      expect(await asked).toMatchObject({ text: 'Hello', error: undefined });
    });

    it('tens of thousands of unused events without parsing them', async () => {
      const parse = jest.spyOn(JSON, 'parse');
      dify.next({ name: 'many-unused', events: 50_000 });
      const { text } = await askDify(client());
      const parsed = parse.mock.calls.length;
      parse.mockRestore();
      expect(text).toBe(wholeText);
      expect(parsed).toBeLessThan(500);
    });

    it('past a frame that is not JSON, and warns without quoting it', async () => {
      dify.next('malformed-json');
      expect(await askDify(client())).toMatchObject({ text: wholeText, error: undefined });
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).not.toContain('brok');
    });

    it('no usage if Dify sends none', async () => {
      dify.next('missing-metadata');
      expect((await askDify(client())).events.at(-1)).toEqual({ type: 'completed', usage: null });
    });

    it('each chunk as one batch', async () => {
      const reply = heldReply(dify);
      const batches = readDify(client());
      const { raw, end } = await reply;
      await raw(`${messageFrame('Hel')}${messageFrame('lo')}`);
      expect(await batches.next()).toEqual([
        { type: 'delta', text: 'Hel' },
        { type: 'delta', text: 'lo' },
      ]);
      await end();
      expect(textOf((await batches.next()) ?? [])).toBe('');
      expect(await batches.next()).toBeNull();
    });

    it('nothing after the end event in the same chunk', async () => {
      const reply = heldReply(dify);
      const asked = askDify(client());
      const { raw, cut } = await reply;
      await raw(`${messageFrame('Hello')}${endFrame}${messageFrame(' again')}${endFrame}`);
      await cut();
      const { events, error } = await asked;
      expect(error).toBeUndefined();
      expect(events).toEqual([
        { type: 'delta', text: 'Hello' },
        { type: 'completed', usage: null },
      ]);
    });

    // A connection in memory, because Node reports a broken socket only at the end of an event loop iteration.
    it('the end event, even if the connection breaks before its delivery', async () => {
      const connection = new Duplex({
        read: () => undefined,
        write: (_chunk, _encoding, taken) => taken(),
      });
      Object.assign(connection, { setTimeout: () => connection });
      const connect = jest.spyOn(net, 'connect').mockImplementation(() => {
        setImmediate(() => connection.push(`${chunkedHead}${chunk(messageFrame('Hel'))}`));
        return connection as Socket;
      });
      try {
        const events: ReplyEvent[] = [];
        await client().ask(question, (batch) => {
          if (events.push(...batch) > 1) return;
          connection.push(chunk(messageFrame('lo') + endFrame));
          connection.destroy(new Error('broken'));
        });
        expect(events).toEqual([
          { type: 'delta', text: 'Hel' },
          { type: 'delta', text: 'lo' },
          { type: 'completed', usage: null },
        ]);
      } finally {
        connect.mockRestore();
      }
    });

    it('each text before Dify sends the next one', async () => {
      const reply = heldReply(dify);
      const batches = readDify(client());
      const { say, end, conversationId } = await reply;
      await say('Hel');
      expect(await batches.next()).toEqual([
        expect.objectContaining({ type: 'identified', conversationId }),
        { type: 'delta', text: 'Hel' },
      ]);
      await say('lo');
      expect(await batches.next()).toEqual([{ type: 'delta', text: 'lo' }]);
      await end();
      await batches.next();
      expect(await batches.next()).toBeNull();
    });
  });

  describe('maps a failed request to an error code:', () => {
    it.each<[string, Fault, ChatErrorCode]>([
      ['a wrong key', { name: 'refuse', code: 'unauthorized' }, 'upstream-misconfigured'],
      ['a closed app', { name: 'refuse', code: 'forbidden' }, 'upstream-misconfigured'],
      ['an app of another kind', { name: 'refuse', code: 'not_chat_app' }, 'upstream-misconfigured'],
      ['an app without a model', { name: 'refuse', code: 'app_unavailable' }, 'upstream-misconfigured'],
      [
        'a model without a key',
        { name: 'refuse', code: 'provider_not_initialize' },
        'upstream-misconfigured',
      ],
      [
        'a model not allowed',
        { name: 'refuse', code: 'model_currently_not_support' },
        'upstream-model-unavailable',
      ],
      ['a used-up quota', { name: 'refuse', code: 'provider_quota_exceeded' }, 'upstream-quota-exceeded'],
      ['a used-up plan', 'rate-limited', 'upstream-quota-exceeded'],
      ['a failed model call', { name: 'refuse', code: 'completion_request_error' }, 'upstream-failed'],
      ['a bad parameter', { name: 'refuse', code: 'invalid_param' }, 'upstream-rejected'],
      ['too many parallel questions (429)', 'too-many-requests', 'upstream-busy'],
      ['too many parallel questions (400)', { name: 'too-many-requests', status: 400 }, 'upstream-busy'],
      ['an unknown conversation', { name: 'refuse', code: 'not_found' }, 'upstream-conversation-gone'],
      [
        'an unknown conversation, with a suffix in the message',
        'conversation-gone',
        'upstream-conversation-gone',
      ],
      [
        'an ended conversation',
        { name: 'refuse', code: 'conversation_completed' },
        'upstream-conversation-gone',
      ],
      ['a bug of Dify', { name: 'refuse', code: 'internal_server_error' }, 'upstream-failed'],
      ['a bug of an older Dify', 'json-500', 'upstream-failed'],
      ['a plain 500', 'plain-500', 'upstream-failed'],
      ['an HTML 502', 'gateway-html', 'upstream-failed'],
      ['an HTML 503', { name: 'gateway-html', status: 503 }, 'upstream-busy'],
      ['an HTML 504', { name: 'gateway-html', status: 504 }, 'upstream-timeout'],
      ['an HTML 524', { name: 'gateway-html', status: 524 }, 'upstream-timeout'],
      ['a login page', 'html-page', 'upstream-malformed'],
      ['JSON in place of a stream', 'json-instead-of-stream', 'upstream-malformed'],
      ['no content', 'no-content', 'upstream-malformed'],
      ['no answer at all', 'no-answer', 'upstream-unreachable'],
    ])('%s', async (_name, fault, code) => {
      dify.next(fault);
      const { events, error } = await askDify(client());
      expect(error).toEqual(chatError(code));
      expect(events).toEqual([]);
      expect(dify.requests).toHaveLength(1);
    });

    it('a redirect, and does not follow it', async () => {
      const elsewhere = await listen((socket) => answerStream(socket, endFrame));
      dify.next({ name: 'redirect', location: `${elsewhere.url}/v1/chat-messages` });
      expect((await askDify(client())).error).toEqual(chatError('upstream-malformed'));
      expect(elsewhere.connections()).toBe(0);
      await elsewhere.close();
    });

    it('a refused connection', async () => {
      const upstream = await listen(() => undefined);
      await upstream.close();
      const { error } = await askDify(difyClient(difySettings(upstream)));
      expect(error).toEqual(chatError('upstream-unreachable', { transportCode: 'ECONNREFUSED' }));
    });

    it('a response that is not HTTP', async () => {
      const upstream = await listen((socket) => socket.end('220 mail.example ESMTP\r\n'));
      expect((await askDify(difyClient(difySettings(upstream)))).error).toEqual(
        chatError('upstream-unreachable'),
      );
      await upstream.close();
    });

    it('an endless error page, and reads only its start', async () => {
      const upstream = await listen((socket) => {
        const page = 'x'.repeat(16_384);
        const pour = () => {
          while (socket.write(page));
          socket.once('drain', pour);
        };
        socket.write('HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n');
        pour();
      });
      expect((await askDify(difyClient(difySettings(upstream)))).error).toEqual(chatError('upstream-failed'));
      await upstream.idle();
      await upstream.close();
    });
  });

  describe('shows no API key of any form that Dify quotes in', () => {
    const apiKey = 'my.key';
    const message = `The key ${apiKey} is wrong.`;
    const expectMasked = (error: unknown) => {
      expectSilence(error, [apiKey]);
      expect(describeError(error)).toContain('The key *** is wrong.');
    };

    beforeEach(async () => {
      await dify.close();
      await start({ apps: [{ key: apiKey, mode: 'chat' }] });
    });

    it('a refused question', async () => {
      dify.next({ name: 'refuse', code: 'invalid_param', message });
      expectMasked((await askDify(client())).error);
    });

    it('an error event', async () => {
      const reply = heldReply(dify);
      const asked = askDify(client());
      const { raw, cut } = await reply;
      await raw(
        `data: ${JSON.stringify({ event: 'error', code: 'invalid_param', status: 400, message })}\n\n`,
      );
      await cut();
      expectMasked((await asked).error);
    });

    it('the reply to a short call', async () => {
      const refusing = await answering(401, JSON.stringify({ code: 'unauthorized', message }));
      const error = await thrown(client({ apiUrl: refusing.url }).stop('task', 'user-ada'));
      await refusing.close();
      expectMasked(error);
    });
  });

  describe('ends a reply in time and with its text, for these last events of Dify:', () => {
    type Ending = readonly [name: string, fault: Fault, text: string, code?: ChatErrorCode];
    const workflowEnd = (status: string, then: string): Fault => ({ name: 'workflow-end', status, then });
    const endings: readonly Ending[] = [
      ['workflow_finished, then pings', workflowEnd('succeeded', 'pings'), wholeText],
      ['workflow_finished, then silence', workflowEnd('succeeded', 'silence'), wholeText],
      ['workflow_finished, then EOF', workflowEnd('succeeded', 'eof'), wholeText],
      ['a workflow with a partial success, then pings', workflowEnd('partial-succeeded', 'pings'), wholeText],
      ['a stopped workflow, then pings', workflowEnd('stopped', 'pings'), wholeText],
      ['a failed workflow, then pings', workflowEnd('failed', 'pings'), wholeText, 'upstream-failed'],
      ['a failed workflow, then silence', workflowEnd('failed', 'silence'), wholeText, 'upstream-failed'],
      ['a failed workflow, then EOF', workflowEnd('failed', 'eof'), wholeText, 'upstream-failed'],
      ['a paused workflow, then pings', 'pause-then-pings', first(3), 'upstream-interrupted'],
      ['a paused workflow, then EOF', 'workflow-paused', first(3), 'upstream-interrupted'],
      ['message_end, then pings', 'end-then-pings', wholeText],
      ['message_end, then silence', 'open-after-end', wholeText],
      ['message_end without its empty line, then EOF', 'end-without-blank-line', wholeText],
      [
        'message_end without any line end, then EOF',
        { name: 'end-without-blank-line', missing: 2 },
        wholeText,
      ],
      [
        'half of message_end, then EOF',
        { name: 'end-without-blank-line', missing: 40 },
        wholeText,
        'upstream-interrupted',
      ],
      ['message_end, then workflow_finished with the only text', 'late-outputs', wholeText],
      [
        'workflow_finished with the only text, then message_end',
        { name: 'late-outputs', last: 'message_end' },
        wholeText,
      ],
      [
        'message_end of a chatflow without text, then pings',
        'late-outputs-missing',
        '',
        'upstream-interrupted',
      ],
      [
        'message_end of a chatflow without text, then silence',
        { name: 'late-outputs-missing', then: 'silence' },
        '',
        'upstream-interrupted',
      ],
      [
        'message_end of a chatflow without text, then EOF',
        { name: 'late-outputs-missing', then: 'eof' },
        '',
        'upstream-interrupted',
      ],
      ['the only text in a thought, then message_end', 'late-thought', wholeText],
    ];

    it.each(endings.map(([name, fault, text, code]) => ({ name, fault, text, code })))(
      '$name',
      async ({ fault, text, code }) => {
        await dify.close();
        await start({ pingEveryMs: 10 });
        dify.next(fault);
        const answer = await askDify(client({ endTimeoutMs: 60 }));
        expect(answer.error).toEqual(code === undefined ? undefined : chatError(code));
        expect(answer.text).toBe(text);
        expect(answer.events.filter(({ type }) => type === 'completed')).toHaveLength(
          code === undefined ? 1 : 0,
        );
        expect(warnings).toEqual([]);
      },
    );

    it('message_end shortly after workflow_finished: with its usage', async () => {
      const reply = heldReply(dify);
      const asked = askDify(client({ apiKey: 'app-emulated-advanced-chat' }));
      const { event, pause, say, end } = await reply;
      await event({ event: 'workflow_started' });
      await say('Hello');
      await event({
        event: 'workflow_finished',
        data: { status: 'succeeded', outputs: { answer: 'Hello' } },
      });
      await pause(50);
      await end({ total_tokens: 7 });
      const { events, text, error } = await asked;
      expect([text, error]).toEqual(['Hello', undefined]);
      expect(events.at(-1)).toMatchObject({ type: 'completed', usage: { total_tokens: 7 } });
    });

    it('events that are needed after workflow_finished: until their end', async () => {
      const reply = heldReply(dify);
      const asked = askDify(client({ endTimeoutMs: 200 }));
      const { event, pause, say, end } = await reply;
      await event({ event: 'workflow_started' });
      await event({ event: 'workflow_finished', data: { status: 'succeeded' } });
      for (const word of ['I ', 'am ', 'late.']) {
        await pause(120);
        await say(word);
      }
      await end({ total_tokens: 7 });
      const { events, text, error } = await asked;
      expect([text, error]).toEqual(['I am late.', undefined]);
      expect(events.at(-1)).toMatchObject({ usage: { total_tokens: 7 } });
    });

    it('a workflow that goes on after a pause: until its end', async () => {
      const reply = heldReply(dify);
      const asked = askDify(client({ endTimeoutMs: 60 }));
      const { event, pause, say, end } = await reply;
      await event({ event: 'workflow_paused' });
      await event({ event: 'workflow_started' });
      await pause(120);
      await say('Hello');
      await end();
      expect(await asked).toMatchObject({ text: 'Hello', error: undefined });
    });
  });

  describe('passes on the text so far and then the error, if the answer breaks off:', () => {
    it.each<[string, Fault, string, ChatErrorCode]>([
      ['an error first', 'error-first', '', 'upstream-failed'],
      ['an error in the middle', { name: 'error-after-deltas', after: 3 }, first(3), 'upstream-failed'],
      [
        'a quota used up in the middle',
        { name: 'error-after-deltas', after: 2, code: 'provider_quota_exceeded' },
        first(2),
        'upstream-quota-exceeded',
      ],
      ['a failed workflow', { name: 'workflow-failed', after: 3 }, first(3), 'upstream-failed'],
      ['a paused workflow', { name: 'workflow-paused', after: 3 }, first(3), 'upstream-interrupted'],
      ['EOF after the headers', 'eof-at-once', '', 'upstream-interrupted'],
      ['EOF in the middle', { name: 'eof-after-deltas', after: 4 }, first(4), 'upstream-interrupted'],
      ['EOF after pings', 'pings-then-eof', '', 'upstream-interrupted'],
      ['EOF after a thought', 'thoughts-only', '', 'upstream-interrupted'],
      ['FIN inside a frame', { name: 'cut-mid-frame', after: 3 }, first(3), 'upstream-interrupted'],
      ['RST inside a frame', { name: 'reset-mid-frame', after: 3 }, first(3), 'upstream-interrupted'],
    ])('%s', async (_name, fault, text, code) => {
      dify.next(fault);
      const answer = await askDify(client());
      expect(answer.error).toEqual(chatError(code));
      expect(answer.text).toBe(text);
      expect(answer.events.filter(({ type }) => type === 'completed')).toEqual([]);
    });

    it('a first error with the ids of the conversation that Dify keeps', async () => {
      const reply = heldReply(dify);
      const asked = askDify(client());
      const { raw, cut } = await reply;
      await raw(
        'data: {"event": "error", "conversation_id": "75c09c9f", "message_id": "1fa818f3", "created_at": 1795970524, ' +
          '"code": "completion_request_error", "status": 400, "message": "Error: 429"}\n\n',
      );
      await cut();
      expect(await asked).toMatchObject({
        events: [
          { type: 'identified', taskId: undefined, messageId: '1fa818f3', conversationId: '75c09c9f' },
        ],
        error: chatError('upstream-failed'),
      });
    });

    it.each([
      ['message_end', 'succeeded'],
      ['eof', 'succeeded'],
      ['eof', 'failed'],
    ])('the only text in a frame over the size limit, then %s (%s)', async (then, status) => {
      dify.next({ name: 'huge-outputs', then, status });
      const { text, error } = await askDify(client());
      expect(text).toBe('');
      expect(error).toMatchObject({ code: 'upstream-interrupted' });
      expect(warnings).toEqual([expect.stringMatching(/DIFY_MAX_FRAME_CHARS.*workflow_finished/u)]);
    });

    it('an error in the same chunk as the text before it', async () => {
      const reply = heldReply(dify);
      const asked = askDify(client());
      const { raw, cut } = await reply;
      await raw(
        `${messageFrame('Hel')}${messageFrame('lo')}data: {"event":"error","code":"invalid_param"}\n\n`,
      );
      await cut();
      expect(await asked).toMatchObject({ text: 'Hello', error: chatError('upstream-failed') });
    });

    it('invalid HTTP bytes in one piece with the text before them', async () => {
      let socket: net.Socket | undefined;
      const upstream = await listen((opened) => {
        socket = opened;
        socket.write(`${chunkedHead}${chunk(messageFrame('Hel'))}`);
      });
      let text = '';
      const asked = difyClient(difySettings(upstream)).ask(question, (events) => {
        if (text === '') socket?.write(`${chunk(messageFrame('lo'))}no size of a chunk\r\n`);
        text += textOf(events);
      });
      await expect(asked).rejects.toEqual(chatError('upstream-interrupted'));
      expect(text).toBe('Hello');
      await upstream.close();
    });

    it('a frame over the size limit', async () => {
      const reply = heldReply(dify);
      const asked = askDify(client({ maxFrameChars: 10_000 }));
      const { say } = await reply;
      await say('Hello');
      await say('x'.repeat(1_000_000));
      const { text, error } = await asked;
      expect([text, error]).toEqual(['Hello', chatError('upstream-malformed')]);
      expect(describeError(error)).toContain('DIFY_MAX_FRAME_CHARS');
    });
  });

  describe('gives up', () => {
    it('on a connection that is never established', async () => {
      // The client starts TLS, and the server never answers.
      const upstream = await listen(() => undefined);
      const apiUrl = `${upstream.url.replace('http:', 'https:')}/v1`;
      const settings = difySettings(upstream, { apiUrl, connectTimeoutMs: 30 });
      const { error } = await askDify(difyClient(settings));
      expect(error).toEqual(chatError('upstream-unreachable', { expired: 'connect' }));
      await upstream.idle();
      await upstream.close();
    });

    it('on a first byte that never arrives', async () => {
      dify.next('slow-first-byte');
      const { error } = await askDify(client({ firstByteTimeoutMs: 30 }));
      expect(error).toEqual(chatError('upstream-timeout', { expired: 'first byte' }));
    });

    it('on a first byte that never arrives after the headers', async () => {
      dify.next('slow-first-event');
      const { error } = await askDify(client({ firstByteTimeoutMs: 30 }));
      expect(error).toEqual(chatError('upstream-timeout', { expired: 'first byte' }));
    });

    it('on an error body that never ends', async () => {
      const upstream = await listen((socket) =>
        socket.write('HTTP/1.1 500 Oops\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{'),
      );
      const { error } = await askDify(difyClient(difySettings(upstream, { firstByteTimeoutMs: 30 })));
      expect(error).toEqual(chatError('upstream-timeout'));
      await upstream.idle();
      await upstream.close();
    });

    it('on a reply that sends no more bytes, and passes on the text so far', async () => {
      const reply = heldReply(dify);
      const asked = askDify(client({ idleTimeoutMs: 30 }));
      await (await reply).say('Hello');
      const cause = { expired: 'idle' };
      expect(await asked).toMatchObject({ text: 'Hello', error: chatError('upstream-interrupted', cause) });
    });

    it('on a reply that takes too long, even if it sends pings', async () => {
      await dify.close();
      await start({ pingEveryMs: 10 });
      dify.next({ name: 'stall-with-pings', after: 2 });
      const { text, error } = await askDify(client({ totalTimeoutMs: 200 }));
      expect(error).toEqual(chatError('upstream-interrupted', { expired: 'total' }));
      expect(text).toBe(first(2));
    });

    it('on no reply while Dify sends pings', async () => {
      const reply = heldReply(dify);
      const asked = askDify(client({ idleTimeoutMs: 250, firstByteTimeoutMs: 250 }));
      const { ping, pause, say, end } = await reply;
      for (let waited = 0; waited < 600; waited += 50) {
        await ping();
        await pause(50);
      }
      await say('Hello');
      await end();
      expect(await asked).toMatchObject({ text: 'Hello', error: undefined });
    });
  });

  describe('leaves no connection open', () => {
    it('if the reader throws: Dify sees the close, and the caller gets the error of the reader', async () => {
      const reply = heldReply(dify);
      const enough = new ChatError('answer-too-long');
      const asked = client().ask(question, (events) => {
        if (textOf(events) !== '') throw enough;
      });
      const { say, closed } = await reply;
      void say('Hello');
      await expect(asked).rejects.toBe(enough);
      await closed;
      expect(dify.openStreams).toBe(0);
    });

    it('if Dify sends more after the end event: the client reads the response to its end', async () => {
      const reply = heldReply(dify);
      const asked = askDify(client());
      const { say, finish, event, cut, closed, pause, wire } = await reply;
      await say('Hello');
      await finish();
      expect(await asked).toMatchObject({ text: 'Hello', error: undefined });
      // The connection would be closed immediately if the client disconnected.
      await pause(50);
      expect(wire.isClosed()).toBe(false);
      // More data than the buffers hold: this hangs if the client does not read it.
      await event({ event: 'tts_message', audio: 'A'.repeat(8_000_000) });
      await cut();
      await closed;
    });

    it('if Dify closes soon after the end event: no timer remains', async () => {
      let socket: net.Socket | undefined;
      const upstream = await listen((opened) => {
        socket = opened;
        socket.write(`${chunkedHead}${chunk(messageFrame('Hello') + endFrame)}`);
      });
      // Fake timers, so that the timeout that closes the connection does not pass.
      jest.useFakeTimers({
        doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance', 'Date'],
      });
      try {
        const answer = await askDify(difyClient(difySettings(upstream)));
        expect(answer).toMatchObject({ text: 'Hello', error: undefined });
        socket?.end(`${chunk('data: {"event":"tts_message_end"}\n\n')}${chunk('')}`);
        await upstream.idle();
        await settle();
        expect(jest.getTimerCount()).toBe(0);
      } finally {
        jest.useRealTimers();
      }
      await upstream.close();
    });

    it('if Dify never closes: the client closes the connection after the time for the last events', async () => {
      dify.next('open-after-end');
      const answer = await askDify(client({ endTimeoutMs: 100 }));
      expect(answer).toMatchObject({ text: wholeText, error: undefined });
      expect(dify.openStreams).toBe(1);
      const endedAt = performance.now();
      await dify.idle();
      expect(performance.now() - endedAt).toBeLessThan(3_000);
    });
  });

  describe('shows no data of the request or of Dify in its errors:', () => {
    const secrets = ['app-top-secret', 'Ada', 'How is the sea'];

    it.each<[string, Fault]>([
      ['a refusal', { name: 'refuse', code: 'unauthorized', message: 'app-top-secret: do not repeat' }],
      ['an error event', { name: 'error-after-deltas', code: 'completion_request_error' }],
      ['a broken connection', 'reset-mid-frame'],
      ['no answer', 'no-answer'],
      ['a page', 'html-page'],
      ['a redirect', { name: 'redirect', location: 'http://localhost/do not repeat' }],
    ])('%s', async (_name, fault) => {
      await dify.close();
      await start({ apps: [{ key: 'app-top-secret', mode: 'chat' }] });
      dify.next(fault);
      const { error } = await askDify(client());
      expectSilence(error, secrets);
      // Dify's own sentence is for the log.
      expect((error as Error).message).not.toContain('do not repeat');
    });

    it('a refused connection', async () => {
      const upstream = await listen(() => undefined);
      await upstream.close();
      const settings = difySettings({ ...upstream, apiKey: 'app-top-secret' });
      const { error } = await askDify(difyClient(settings));
      expectSilence(error, secrets);
    });

    it('free text instead of an error code', async () => {
      dify.next({ name: 'refuse', code: 'do not repeat', status: 400 });
      const { error } = await askDify(client());
      expectSilence(error, secrets);
    });
  });
});

const chunkedHead =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';

/** Encodes a chunk of a chunked body. An empty text encodes the end of the body. */
function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

const endFrame = 'data: {"event":"message_end","metadata":{}}\n\n';

function messageFrame(answer: string): string {
  return `data: ${JSON.stringify({ event: 'message', answer })}\n\n`;
}

function answerStream(socket: net.Socket, text: string): void {
  const head = [
    `HTTP/1.1 200 ${http.STATUS_CODES[200] ?? ''}`,
    'Content-Type: text/event-stream',
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}
