import { faultNames, type Fault } from '../dify-emulator';
import { startApp, type App } from '../support/app';
import { canaries } from '../support/canaries';
import { terminalsOf, textOf, type Client } from '../support/client';
import { until } from '../support/until';

let app: App;
let user: Client;
let characterId: string;

beforeAll(async () => {
  app = await startApp({
    env: {
      DIFY_CONNECT_TIMEOUT_SECONDS: '2',
      DIFY_FIRST_BYTE_TIMEOUT_SECONDS: '1',
      DIFY_IDLE_TIMEOUT_SECONDS: '1',
      DIFY_TOTAL_TIMEOUT_SECONDS: '5',
      DIFY_END_TIMEOUT_SECONDS: '0.3',
      DIFY_MAX_FRAME_CHARS: '300000',
      CHAT_MAX_ANSWER_CHARS: '100000',
    },
    dify: {
      apps: [
        {
          key: `app-${canaries.key}`,
          mode: 'chat',
          form: [
            { type: 'paragraph', variable: 'prompt' },
            { type: 'text-input', variable: 'city', maxLength: 5 },
          ],
        },
      ],
      pingEveryMs: 100,
    },
  });
  user = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());
afterEach(async () => {
  app.dify.reset();
  await app.dify.idle();
});

const upstreamText = `Incorrect API key provided: ${canaries.upstream}`;

interface Row {
  readonly outcome: string;
  readonly error_code: string | null;
  readonly answer: string;
  readonly message_id: string;
}

const tried = new Set<string>();

/** Asks once with this fault. @returns the events that the client received and the saved answer */
async function ask(fault: Fault, query = 'How is the sea?') {
  tried.add(typeof fault === 'string' ? fault : fault.name);
  app.dify.next(fault);
  const events = await user.streamAll({ character_id: characterId, query });
  const rows: Row[] = await app
    .db('chat_conversations')
    .where({ turn_id: events[0]?.data.turn_id })
    .orderBy('id');
  const session = await app.db('chat_sessions').where({ session_id: events[0]?.data.session_id }).first();
  expect(rows).toHaveLength(2);
  expect(session.live_turn_id).toBeNull();
  expect(terminalsOf(events)).toHaveLength(1);
  expect(terminalsOf(events)[0]).toBe(events.at(-1));
  return { events, row: rows[1] as Row, terminal: events.at(-1)?.data };
}

describe('after a harmless fault of Dify, the server', () => {
  it.each<Fault>([
    'split-every-byte',
    'split-characters',
    'several-frames',
    'crlf',
    'field-noise',
    'header-noise',
    'malformed-json',
    { name: 'slow-deltas', ms: 10 },
    'unknown-event',
    'agent-log',
    'text-as-message-file',
    'tts-after-end',
    'closing-copy',
    'duplicated-end',
    'missing-ids',
    'null-answer',
    'missing-metadata',
    'reasoning',
    'open-after-end',
    'stop-ignored',
    'success-status',
    'no-content-type',
    'huge-unused',
    'huge-end',
    'many-unused',
    'workflow-end',
    'late-outputs',
    { name: 'late-outputs', last: 'message_end' },
    'late-outputs-missing',
    'huge-outputs',
    'late-thought',
    'end-then-pings',
    'end-without-blank-line',
    { name: 'huge-frame', bytes: 90_000 },
    { name: 'huge-answer', chars: 90_000 },
  ])('streams the whole answer and saves it as completed: %p', async (fault) => {
    const { events, row, terminal } = await ask(fault, '大海怎么样？👩‍👩‍👧‍👦 é');
    expect(row).toMatchObject({ outcome: 'completed', error_code: null, answer: textOf(events) });
    expect(terminal).toMatchObject({ event: 'message_end', outcome: 'completed' });
    expect(row.answer.length).toBeGreaterThan(10);
    expect(row.answer).not.toContain('\uFFFD');
  });

  it('replaces the text before message_replace', async () => {
    const { events, row } = await ask({ name: 'message-replace', text: 'Let us talk of something else.' });
    expect(events.some(({ event }) => event === 'message_replace')).toBe(true);
    expect(row).toMatchObject({ outcome: 'completed', answer: textOf(events) });
    expect(row.answer.startsWith('Let us talk of something else.')).toBe(true);
  });

  it('saves an empty answer as completed', async () => {
    const { row } = await ask('empty-answer');
    expect(row).toMatchObject({ outcome: 'completed', answer: '' });
  });

  it('keeps its own message_id if Dify sends none, and answers the next question', async () => {
    const { row } = await ask('missing-ids');
    expect(row.message_id).toMatch(/^msg_/u);
    const reply = await user.ask({ character_id: characterId, query: 'And now?' });
    expect(reply.status).toBe(200);
  });
});

describe('an answer that broke off but that Dify has saved', () => {
  it('is fetched from Dify, sent to the client and saved as completed', async () => {
    const { events, row, terminal } = await ask({ name: 'eof-but-saved', after: 3, ms: 50 });
    expect(row).toMatchObject({ outcome: 'completed', error_code: null, answer: textOf(events) });
    expect(row.answer).toBe(app.dify.messages(terminal.conversation_id)[0]?.answer);
    expect(row.answer.length).toBeGreaterThan(40);
    expect(terminal).toMatchObject({ event: 'message_end', outcome: 'completed' });
    const asked = app.dify.requests.filter(({ path }) => path.startsWith('/v1/messages?')).at(-1);
    expect(asked?.path).toContain(`user=user-${user.user.documentId}`);
  });
});

describe('an answer that breaks off', () => {
  it.each<[Fault, boolean]>([
    [{ name: 'eof-after-deltas', after: 3 }, true],
    [{ name: 'cut-mid-frame', after: 3 }, true],
    [{ name: 'reset-mid-frame', after: 3 }, true],
    [{ name: 'stall', after: 3 }, true],
    [{ name: 'stall-with-pings', after: 3 }, true],
    [{ name: 'workflow-paused', after: 3 }, true],
    [{ name: 'pause-then-pings', after: 3 }, true],
    ['eof-at-once', false],
    ['pings-then-eof', false],
    ['thoughts-only', false],
  ])('is saved as interrupted with the text so far: %p', async (fault, hasText) => {
    const { events, row, terminal } = await ask(fault);
    expect(row).toMatchObject({
      outcome: 'interrupted',
      error_code: 'upstream-interrupted',
      answer: textOf(events),
    });
    expect(row.answer !== '').toBe(hasText);
    expect(terminal).toMatchObject({
      event: 'error',
      code: 'upstream-interrupted',
      status: 502,
      message: 'The answer broke off before its end. The text so far is saved.',
    });
  });

  it('is saved as failed if a frame is too long', async () => {
    const { row } = await ask({ name: 'huge-frame', bytes: 2_000_000 });
    expect(row).toMatchObject({ outcome: 'failed', error_code: 'upstream-malformed' });
  });

  it('is saved as interrupted if it is too long', async () => {
    const { events, row } = await ask({ name: 'huge-answer', chars: 300_000 });
    expect(row).toMatchObject({ outcome: 'interrupted', error_code: 'answer-too-long' });
    expect(row.answer.length).toBeGreaterThan(99_000);
    expect(row.answer.startsWith(textOf(events).slice(0, 99_000))).toBe(true);
  });
});

describe('an answer that Dify refuses or fails', () => {
  const midStream: [code: string, ours: string][] = [
    ['invalid_param', 'upstream-failed'],
    ['provider_not_initialize', 'upstream-misconfigured'],
    ['provider_quota_exceeded', 'upstream-quota-exceeded'],
    ['model_currently_not_support', 'upstream-model-unavailable'],
    ['completion_request_error', 'upstream-failed'],
    ['internal_server_error', 'upstream-failed'],
  ];
  it.each(midStream)(
    'keeps its text before the Dify error %s and is saved as failed with %s',
    async (code, ours) => {
      app.dify.script(async (reply) => {
        await reply.say('Half an ');
        await reply.error(code, upstreamText, 400);
      });
      const events = await user.streamAll({ character_id: characterId, query: 'Hi' });
      const row = await app
        .db('chat_conversations')
        .where({ turn_id: events[0]?.data.turn_id, role: 'assistant' })
        .first();
      expect(row).toMatchObject({
        outcome: 'failed',
        error_code: ours,
        // For those who may read chats in the admin panel. The key is masked.
        error_detail: 'Incorrect API key provided: ***',
        answer: 'Half an ',
      });
      await until(() => app.output().includes('Incorrect API key provided: ***'));
      expect(terminalsOf(events).map(({ data }) => data.code)).toEqual([ours]);
    },
  );

  it.each<[Fault, ours: string, hasText: boolean]>([
    ['error-first', 'upstream-failed', false],
    [{ name: 'error-after-deltas', after: 3 }, 'upstream-failed', true],
    [{ name: 'workflow-failed', after: 3 }, 'upstream-failed', true],
  ])('is saved as failed with the text so far: %p', async (fault, ours, hasText) => {
    const { events, row, terminal } = await ask(fault);
    expect(row).toMatchObject({ outcome: 'failed', error_code: ours, answer: textOf(events) });
    expect(row.answer !== '').toBe(hasText);
    expect(terminal).toMatchObject({ event: 'error', code: ours });
  });

  it('names the variable of inputs that Dify refuses, in the stream and in the JSON reply', async () => {
    const question = { character_id: characterId, query: 'Where?', inputs: { city: 'Amsterdam' } };
    const sentence = 'inputs.city can be at most 5 characters long.';
    const events = await user.streamAll(question);
    expect(events.at(-1)?.data).toMatchObject({ code: 'invalid-request', status: 400, message: sentence });
    const { status, body } = await user.ask(question);
    expect([status, body.error.message]).toEqual([400, sentence]);
  });

  const before: [Fault, status: number, ours: string][] = [
    [
      { name: 'refuse', code: 'unauthorized', status: 401, message: upstreamText },
      502,
      'upstream-misconfigured',
    ],
    [
      { name: 'refuse', code: 'forbidden', status: 403, message: upstreamText },
      502,
      'upstream-misconfigured',
    ],
    [
      { name: 'refuse', code: 'not_chat_app', status: 400, message: upstreamText },
      502,
      'upstream-misconfigured',
    ],
    [
      { name: 'refuse', code: 'app_unavailable', status: 400, message: upstreamText },
      502,
      'upstream-misconfigured',
    ],
    [
      { name: 'refuse', code: 'provider_not_initialize', status: 400, message: upstreamText },
      502,
      'upstream-misconfigured',
    ],
    [
      { name: 'refuse', code: 'provider_quota_exceeded', status: 400, message: upstreamText },
      503,
      'upstream-quota-exceeded',
    ],
    [
      { name: 'refuse', code: 'model_currently_not_support', status: 400, message: upstreamText },
      502,
      'upstream-model-unavailable',
    ],
    [
      { name: 'refuse', code: 'completion_request_error', status: 400, message: upstreamText },
      502,
      'upstream-failed',
    ],
    [{ name: 'refuse', code: 'invalid_param', status: 400, message: upstreamText }, 502, 'upstream-rejected'],
    [
      { name: 'refuse', code: 'conversation_completed', status: 400, message: upstreamText },
      502,
      'upstream-conversation-gone',
    ],
    [{ name: 'too-many-requests', status: 429 }, 503, 'upstream-busy'],
    [{ name: 'too-many-requests', status: 400 }, 503, 'upstream-busy'],
    ['rate-limited', 503, 'upstream-quota-exceeded'],
    ['conversation-gone', 502, 'upstream-conversation-gone'],
    [{ name: 'gateway-html', status: 502 }, 502, 'upstream-failed'],
    [{ name: 'gateway-html', status: 503 }, 503, 'upstream-busy'],
    [{ name: 'gateway-html', status: 504 }, 504, 'upstream-timeout'],
    ['html-page', 502, 'upstream-malformed'],
    ['plain-500', 502, 'upstream-failed'],
    ['json-500', 502, 'upstream-failed'],
    ['no-content', 502, 'upstream-malformed'],
    ['redirect', 502, 'upstream-malformed'],
    ['json-instead-of-stream', 502, 'upstream-malformed'],
    ['no-answer', 502, 'upstream-unreachable'],
    [{ name: 'slow-first-byte', ms: 5000 }, 504, 'upstream-timeout'],
    [{ name: 'slow-first-event', ms: 5000 }, 504, 'upstream-timeout'],
  ];
  it.each(before)(
    'with %p returns %i %s as JSON, sends one error event and is saved as failed',
    async (fault, status, ours) => {
      const { row, terminal } = await ask(fault);
      expect(row).toMatchObject({ outcome: 'failed', error_code: ours, answer: '' });
      expect(terminal).toMatchObject({ event: 'error', code: ours, status });

      app.dify.next(fault);
      const reply = await user.ask({ character_id: characterId, query: 'Hi' });
      expect([reply.status, reply.body.error.details.code]).toEqual([status, ours]);
      expect(reply.body.error.details).toMatchObject({
        turn_id: expect.any(String),
        session_id: expect.any(String),
        outcome: 'failed',
      });
    },
  );

  it('does not block the next question of its session', async () => {
    app.dify.next('json-500');
    const failed = await user.ask({ character_id: characterId, query: 'Hi' });
    const reply = await user.ask({
      character_id: characterId,
      query: 'Again?',
      session_id: failed.body.error.details.session_id,
    });
    expect(reply.status).toBe(200);
  });
});

it('the tests try every fault of the emulator', () => {
  expect(faultNames.filter((name) => !tried.has(name))).toEqual([]);
});

it('logs the error code of a failed answer with the status and code from Dify', () => {
  expect(app.output()).toContain(
    'ends early: upstream-misconfigured, {"upstreamStatus":401,"upstreamCode":"unauthorized","upstreamMessage":"Incorrect',
  );
});
