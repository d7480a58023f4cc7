import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  createDifyEmulator,
  faultNames,
  faults,
  type DifyEmulator,
  type Fault,
  type FaultName,
  type Profile,
} from '../index';
import { eagerErrors, streamErrors } from '../errors';
import { answerOf, ask, readEvents, readJson, toEvents, type Arriving, type WireEvent } from '../test-client';

let dify: DifyEmulator;
const tested = new Set<string>();

async function start(profile: Profile = '1.x'): Promise<void> {
  dify = await createDifyEmulator({ profile, pingEveryMs: 5, titleDelayMs: 1, stopDelayMs: 1 }).listen();
}

beforeEach(() => start());

afterEach(async () => {
  await dify.close();
  expect(dify.openStreams).toBe(0);
});

afterAll(() => expect([...tested].sort()).toEqual([...faultNames].sort()));

async function askFor(fault: Fault): Promise<Arriving> {
  tested.add(typeof fault === 'string' ? fault : fault.name);
  dify.next(fault);
  return ask(dify, { query: '今天 sea 👋?' });
}

async function eventsOf(fault: Fault): Promise<WireEvent[]> {
  return readEvents(await askFor(fault));
}

const namesOf = (events: readonly WireEvent[]): string => events.map(({ event }) => event).join(' ');

function savedAnswer(): string | undefined {
  const id = dify.conversations().at(-1)?.id ?? '';
  return dify.messages(id).at(-1)?.answer;
}

async function stop(text: string): Promise<void> {
  const taskId = /"task_id":"([^"]+)"/u.exec(text)?.[1] ?? '';
  const { status } = await readJson(dify, `/v1/chat-messages/${taskId}/stop`, { body: { user: 'ann' } });
  expect(status).toBe(200);
}

async function leave(stream: Arriving): Promise<void> {
  stream.leave();
  await dify.idle();
}

describe('framing faults', () => {
  it.each(['0.15', '1.x'] as const)('split-every-byte sends single bytes (%s)', async (profile) => {
    await dify.close();
    await start(profile);
    const stream = await askFor('split-every-byte');
    await stream.over;
    expect(stream.chunks.every(({ length }) => length === 1)).toBe(true);
    expect(answerOf(toEvents(stream.text()))).toBe(savedAnswer());
  });

  it('split-characters ends chunks inside UTF-8 characters', async () => {
    const stream = await askFor('split-characters');
    await stream.over;
    expect(stream.chunks.some((chunk) => chunk.toString('utf8').endsWith('\ufffd'))).toBe(true);
    expect(answerOf(toEvents(stream.text()))).toBe(savedAnswer());
  });

  it('split-characters ends chunks inside escapes in 0.15', async () => {
    await dify.close();
    await start('0.15');
    const stream = await askFor('split-characters');
    await stream.over;
    expect(stream.chunks.some((chunk) => chunk.toString('latin1').endsWith('\\u'))).toBe(true);
    expect(answerOf(toEvents(stream.text()))).toBe(savedAnswer());
  });

  it('several-frames joins frames and loses none', async () => {
    const stream = await askFor({ name: 'several-frames', frames: 4 });
    await stream.over;
    expect(stream.chunks[0]?.toString().match(/\n\n/gu)).toHaveLength(4);
    expect(namesOf(toEvents(stream.text()))).toMatch(/ message_end$/u);
  });

  it('crlf ends each line with CR, and sends LF in the next chunk', async () => {
    const stream = await askFor('crlf');
    await stream.over;
    expect(stream.text()).toMatch(/^data: [^\r\n]+\r\n\r\ndata: /u);
    expect(stream.text().replaceAll('\r\n', '')).not.toMatch(/[\r\n]/u);
    expect(stream.chunks.some((chunk) => chunk.toString().startsWith('\n'))).toBe(true);
  });

  it('field-noise adds everything that the SSE format allows', async () => {
    const stream = await askFor('field-noise');
    await stream.over;
    expect(stream.text()).toMatch(/^\ufeff: noise\nid: 1\nretry: 3000\nnonsense\ndata:\{"event":"message"/u);
  });

  it('header-noise adds headers', async () => {
    const { headers, over } = await askFor('header-noise');
    expect(headers).toMatchObject({
      'content-type': 'Text/Event-Stream;charset=UTF-8',
      via: '1.1 varnish, 1.1 nginx',
    });
    expect(await over).toBe('ended');
  });

  it('success-status and no-content-type change the head only', async () => {
    const created = await askFor('success-status');
    expect([created.status, await created.over]).toEqual([201, 'ended']);
    const untyped = await askFor('no-content-type');
    expect([untyped.status, untyped.headers['content-type'], await untyped.over]).toEqual([
      200,
      undefined,
      'ended',
    ]);
    expect(answerOf(toEvents(untyped.text()))).toBe(savedAnswer());
  });

  it('huge-unused, huge-end and many-unused send much that is no text', async () => {
    for (const fault of [
      { name: 'huge-unused', bytes: 100_000 },
      { name: 'huge-end', bytes: 200_000 },
      { name: 'many-unused', events: 5_000 },
    ] as const) {
      const stream = await askFor(fault);
      expect(await stream.over).toBe('ended');
      expect(stream.text().length).toBeGreaterThan(200_000);
      expect(answerOf(toEvents(stream.text()))).toBe(savedAnswer());
    }
  });

  it('malformed-json breaks one frame between valid ones', async () => {
    const stream = await askFor('malformed-json');
    await stream.over;
    const frames = stream.text().split('\n\n');
    expect(frames[2]).toBe('data: {"event": "message", "answer": "brok');
    expect(answerOf(toEvents(frames.filter((_, at) => at !== 2).join('\n\n')))).toBe(savedAnswer());
  });

  it('huge-frame sends one delta of the requested size', async () => {
    const events = await eventsOf({ name: 'huge-frame', bytes: 300_000 });
    expect(namesOf(events)).toBe('message message_end');
    expect(answerOf(events)).toHaveLength(300_000);
  });

  it('huge-answer sends an answer of the requested length', async () => {
    const events = await eventsOf({ name: 'huge-answer', chars: 5000 });
    expect(events.length).toBeGreaterThan(100);
    expect(answerOf(events)).toHaveLength(5000);
  });

  it('slow-deltas pauses between deltas', async () => {
    const stream = await askFor({ name: 'slow-deltas', ms: 10 });
    await stream.until('event: ping');
    expect(await stream.over).toBe('ended');
  });
});

describe('odd replies', () => {
  it.each([
    ['unknown-event', /^weather_report (message ){2}weather_report (message )+message_end$/u],
    ['agent-log', /^message agent_log (message )+message_end$/u],
    ['text-as-message-file', /^(message_file )+message_end$/u],
    ['message-replace', /^(message ){5}message_replace message_end$/u],
    ['closing-copy', /^(agent_message )+message message_end$/u],
    ['tts-after-end', /^(message ){3}tts_message (message )+message_end tts_message tts_message_end$/u],
    ['duplicated-end', /^(message )+message_end message_end$/u],
    ['missing-ids', /^(message )+message_end$/u],
    ['null-answer', /^(message )+message_end$/u],
    ['missing-metadata', /^(message )+message_end$/u],
    ['reasoning', /^(message )+message_end$/u],
    ['empty-answer', /^message_end$/u],
    ['thoughts-only', /^agent_thought$/u],
  ] as const)('%s sends its events in order', async (name, expected) => {
    expect(namesOf(await eventsOf(name))).toMatch(expected);
  });

  it('text-as-message-file sends the answer in events without a url', async () => {
    const [image, ...events] = await eventsOf('text-as-message-file');
    expect(image).toMatchObject({ type: 'image', url: expect.stringContaining('/files/tools/') });
    expect(events.every((event) => !('url' in event))).toBe(true);
    expect(answerOf(events)).toBe(savedAnswer());
  });

  it('message-replace saves the new text, with a reason in 1.x', async () => {
    const events = await eventsOf({ name: 'message-replace', text: 'No.' });
    expect(events.at(-2)).toMatchObject({ answer: 'No.', reason: '' });
    expect(savedAnswer()).toBe('No.');
    await dify.close();
    await start('0.15');
    expect((await eventsOf('message-replace')).at(-2)).not.toHaveProperty('reason');
  });

  it('closing-copy repeats the saved answer', async () => {
    const events = await eventsOf('closing-copy');
    expect(events.at(-2)?.['answer']).toBe(savedAnswer());
  });

  it('missing-ids sends no id', async () => {
    const ids = ['conversation_id', 'message_id', 'task_id', 'id'];
    for (const event of await eventsOf('missing-ids'))
      for (const id of ids) expect(event).not.toHaveProperty(id);
  });

  it('null-answer sends null and empty deltas', async () => {
    const answers = (await eventsOf('null-answer')).map(({ answer }) => answer);
    expect(answers).toEqual(expect.arrayContaining([null, '']));
  });

  it('missing-metadata sends no metadata', async () => {
    expect((await eventsOf('missing-metadata')).at(-1)).not.toHaveProperty('metadata');
  });

  it('reasoning sends its text inline', async () => {
    expect(answerOf(await eventsOf('reasoning'))).toMatch(/^<think>\n.+\n<\/think>\n\n/u);
    expect(savedAnswer()).toMatch(/^<think>/u);
  });

  it('json-instead-of-stream replies to a stream request with JSON', async () => {
    const stream = await askFor('json-instead-of-stream');
    await stream.over;
    expect(stream.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(JSON.parse(stream.text())).toMatchObject({
      event: 'message',
      mode: 'chat',
      answer: savedAnswer(),
    });
  });
});

describe('endings', () => {
  const codes = Object.keys(streamErrors) as (keyof typeof streamErrors)[];

  it.each(codes)('error-after-deltas ends with %s', async (code) => {
    const events = await eventsOf({ name: 'error-after-deltas', code, after: 2 });
    expect(namesOf(events)).toBe('message message error');
    expect(events.at(-1)).toMatchObject({ code, ...streamErrors[code] });
    expect(events.at(-1)).not.toHaveProperty('task_id');
    expect(savedAnswer()).toBe('');
  });

  it('error-first sends no other event', async () => {
    expect(namesOf(await eventsOf('error-first'))).toBe('error');
  });

  it('workflow-failed fails the workflow, then the reply', async () => {
    const events = await eventsOf({ name: 'workflow-failed', after: 1 });
    expect(namesOf(events)).toBe(
      'workflow_started node_started node_finished node_started message node_finished workflow_finished error',
    );
    expect(events.at(-2)).toMatchObject({ data: { status: 'failed', error: expect.any(String) } });
    expect(events.at(-1)).toMatchObject({
      code: 'invalid_param',
      message: expect.stringMatching(/^Run failed: /u),
    });
  });

  it('workflow-paused ends without message_end', async () => {
    const events = await eventsOf({ name: 'workflow-paused', after: 1 });
    expect(namesOf(events)).toBe('workflow_started ping message human_input_required workflow_paused');
  });

  it.each([
    ['eof-at-once', ''],
    [{ name: 'eof-after-deltas', after: 2 }, 'message message'],
    [{ name: 'pings-then-eof', pings: 2 }, 'ping ping'],
  ] as const)('%j ends the response properly, and saves an empty answer', async (fault, expected) => {
    const stream = await askFor(fault);
    expect(stream.status).toBe(200);
    expect(await stream.over).toBe('ended');
    expect(namesOf(toEvents(stream.text()))).toBe(expected);
    expect(savedAnswer()).toBe('');
  });

  it('eof-but-saved saves the whole answer later', async () => {
    const stream = await askFor({ name: 'eof-but-saved', after: 2, ms: 20 });
    expect(await stream.over).toBe('ended');
    expect(stream.text()).not.toContain('message_end');
    expect(savedAnswer()).toBe('');
    while (savedAnswer() === '') await new Promise((resolve) => setImmediate(resolve));
    expect(savedAnswer()?.startsWith(answerOf(toEvents(stream.text())))).toBe(true);
    expect(savedAnswer()?.length).toBeGreaterThan(40);
  });

  it.each(['cut-mid-frame', 'reset-mid-frame'] as const)('%s breaks off inside a frame', async (name) => {
    const stream = await askFor(name);
    expect(await stream.over).toBe('broken');
    expect(stream.text()).toMatch(/\n\ndata: \{[^\n]*$/u);
    expect(savedAnswer()).toBe('');
  });

  it('slow-first-byte delays even the headers', async () => {
    const asked = Date.now();
    const stream = await askFor({ name: 'slow-first-byte', ms: 50 });
    expect(Date.now() - asked).toBeGreaterThanOrEqual(49);
    expect(await stream.over).toBe('ended');
  });

  it('slow-first-event sends the headers immediately', async () => {
    const stream = await askFor({ name: 'slow-first-event', ms: 60_000 });
    expect(stream.status).toBe(200);
    expect(stream.text()).toBe('');
    await leave(stream);
  });

  it('stall sends nothing more, and ignores a stop', async () => {
    const stream = await askFor({ name: 'stall', after: 1 });
    const text = await stream.until('\n\n');
    expect(namesOf(toEvents(text))).toBe('message');
    expect(dify.openStreams).toBe(1);
    await stop(text);
    await leave(stream);
    expect(stream.text()).toBe(text);
  });

  it('stall-with-pings sends pings only', async () => {
    const stream = await askFor({ name: 'stall-with-pings', after: 1 });
    const text = await stream.until('event: ping\n\nevent: ping\n\n');
    expect(namesOf(toEvents(text))).toMatch(/^message( ping)+$/u);
    await leave(stream);
  });

  it('open-after-end keeps the socket open after message_end', async () => {
    const stream = await askFor('open-after-end');
    await stream.until('message_end');
    expect(dify.openStreams).toBe(1);
    expect(savedAnswer()).not.toBe('');
    await leave(stream);
  });

  it('stop-ignored continues after a stop', async () => {
    await dify.close();
    dify = await createDifyEmulator({ tokenIntervalMs: 2, stopDelayMs: 1 }).listen();
    const stream = await askFor('stop-ignored');
    await stop(await stream.until('"answer"'));
    await stream.over;
    const healthy = await readEvents(await ask(dify, { query: '今天 sea 👋?' }));
    expect(answerOf(toEvents(stream.text()))).toBe(answerOf(healthy));
  });
});

describe('last events', () => {
  it.each([
    ['workflow-end', /^workflow_started( message)+ workflow_finished( ping)+$/u],
    [{ name: 'workflow-end', then: 'silence' }, /^workflow_started( message)+ workflow_finished$/u],
    ['late-outputs-missing', /^workflow_started message_end( ping)+$/u],
    ['pause-then-pings', /^workflow_started( message)+ workflow_paused( ping)+$/u],
    ['end-then-pings', /^message( message)+ message_end( ping)+$/u],
  ] as const)('%j leaves the response open', async (fault, names) => {
    const stream = await askFor(fault);
    const last = typeof fault === 'string' ? 'event: ping\n\n' : 'workflow_finished';
    await stream.until(last);
    expect(namesOf(toEvents(stream.text()))).toMatch(names);
    await leave(stream);
  });

  it.each([
    [
      { name: 'workflow-end', then: 'eof', status: 'failed' },
      /^workflow_started( message)+ workflow_finished$/u,
    ],
    ['late-outputs', /^workflow_started message_end workflow_finished$/u],
    [{ name: 'late-outputs', last: 'message_end' }, /^workflow_started workflow_finished message_end$/u],
    ['late-thought', /^agent_thought agent_thought message_end$/u],
    ['huge-outputs', /^workflow_started workflow_finished message_end$/u],
    [{ name: 'huge-outputs', then: 'eof' }, /^workflow_started workflow_finished$/u],
  ] as const)('%j ends the response', async (fault, names) => {
    const stream = await askFor(fault);
    expect(await stream.over).toBe('ended');
    expect(namesOf(toEvents(stream.text()))).toMatch(names);
  });

  it('late-outputs and late-thought save the text that they send', async () => {
    for (const name of ['late-outputs', 'late-thought'] as const) {
      const stream = await askFor(name);
      await stream.over;
      expect(stream.text()).toContain(JSON.stringify(savedAnswer()));
    }
  });

  it('end-without-blank-line leaves out the last line ends', async () => {
    for (const missing of [1, 2]) {
      const stream = await askFor({ name: 'end-without-blank-line', missing });
      expect(await stream.over).toBe('ended');
      expect(stream.text()).toMatch(missing === 1 ? /\}\n$/u : /\}$/u);
    }
  });
});

describe('refusals', () => {
  const codes = Object.keys(eagerErrors) as (keyof typeof eagerErrors)[];

  async function refusal(fault: Fault): Promise<{ status: number; type: unknown; text: string }> {
    const stream = await askFor(fault);
    await stream.over;
    expect(dify.conversations()).toEqual([]);
    return { status: stream.status, type: stream.headers['content-type'], text: stream.text() };
  }

  it.each(codes)('refuse sends the error %s', async (code) => {
    const { status, type, text } = await refusal({ name: 'refuse', code });
    expect(status).toBe(eagerErrors[code].status);
    expect(type).toBe('application/json');
    expect(JSON.parse(text)).toEqual({ code, ...eagerErrors[code] });
  });

  it('refuse accepts another status and message', async () => {
    const { status, text } = await refusal({
      name: 'refuse',
      code: 'not_found',
      message: 'Gone.',
      status: 410,
    });
    expect([status, JSON.parse(text)]).toEqual([410, { code: 'not_found', message: 'Gone.', status: 410 }]);
  });

  it.each([
    ['too-many-requests', 429, '"code":"too_many_requests","message":"Too many requests. '],
    [
      { name: 'too-many-requests', status: 400 },
      400,
      '"code":"invalid_param","message":"Too many requests. ',
    ],
    ['rate-limited', 429, '"code":"rate_limit_error"'],
    [
      'conversation-gone',
      404,
      String.raw`Conversation Not Exists. You have requested this URI [\/v1\/chat-messages] but`,
    ],
    [{ name: 'gateway-html', status: 502 }, 502, '<h1>502 Bad Gateway</h1>'],
    [{ name: 'gateway-html', status: 503 }, 503, '<h1>503 Service Temporarily Unavailable</h1>'],
    [{ name: 'gateway-html', status: 504 }, 504, '<h1>504 Gateway Time-out</h1>'],
    ['html-page', 200, '<title>Sign in</title>'],
    ['plain-500', 500, 'Internal Server Error'],
    ['json-500', 500, '{"message":"Internal Server Error","code":"unknown"}'],
    ['no-content', 204, ''],
    ['redirect', 302, 'Redirecting'],
  ] as const)('%j replies with %i', async (fault, expectedStatus, part) => {
    const { status, text, type } = await refusal(fault);
    expect(status).toBe(expectedStatus);
    expect(text).toContain(part);
    expect(type).not.toBe('text/event-stream; charset=utf-8');
  });

  it('redirect sends its location', async () => {
    expect((await askFor({ name: 'redirect', location: '/login' })).headers.location).toBe('/login');
  });

  it('no-answer closes the socket', async () => {
    await expect(askFor('no-answer')).rejects.toThrow(/socket hang up|ECONNRESET/u);
  });
});

describe('README of the Dify emulator', () => {
  const readme = readFileSync(path.join(__dirname, '../README.md'), 'utf8');

  it.each(faultNames)('has a row for %s', (name: FaultName) => {
    const params = Object.entries(faults[name].params).map(([param, value]) => `\`${param}=${value}\``);
    expect(readme).toContain(`| \`${name}\` | ${params.join(' ')} | ${faults[name].does} |`);
  });
});
