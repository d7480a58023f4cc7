import { generate, type Failure, type Model } from '../generate';
import { createDifyEmulator, type AppSpec, type DifyEmulator, type Profile, type Reply } from '../index';
import { send, type Arriving } from '../test-client';
import { createConsoleLogin, type ConsoleLogin } from './console-login';
import type { Exchange } from './read';
import type { Answered } from './shape';

type Replay = {
  readonly dify: DifyEmulator;
  readonly file: string;
  readonly exchanges: readonly Exchange[];
  /** Recorded ids, and those that the emulator gave to the same conversations, messages and tasks. */
  readonly ids: Map<string, string>;
  readonly answered: Map<string, Answered>;
  readonly login: ConsoleLogin;
};

/** Sends the requests of one file to a new emulator, in their order. Returns its replies by the names of the requests. */
export async function replay(
  profile: Profile,
  file: string,
  exchanges: readonly Exchange[],
): Promise<ReadonlyMap<string, Answered>> {
  const dify = await createDifyEmulator({
    profile,
    apps: recordedApps,
    titleDelayMs: 1,
    stopDelayMs: 1,
  }).listen();
  dify.always((reply) => generate(reply, modelFor(reply)));
  const run: Replay = {
    dify,
    file,
    exchanges,
    ids: new Map(),
    answered: new Map(),
    login: createConsoleLogin(profile),
  };
  try {
    for (const exchange of exchanges) {
      if (!run.answered.has(exchange.name)) await repeat(run, exchange);
    }
    return run.answered;
  } finally {
    await dify.close();
  }
}

/** Sends one request. Before it, it sends what the recording needs but does not contain. */
async function repeat(run: Replay, exchange: Exchange): Promise<void> {
  const streaming = exchange.path.endsWith('/stop') ? stoppedBy(run, exchange) : undefined;
  const stream = streaming && (await start(run, streaming));
  if (exchange.path.startsWith('/v1/messages?') && exchange.status === 200) await askEarlier(run, exchange);
  if (exchange.name === 'login-locked') await refuseLogins(run, exchange);
  if (exchange.name.startsWith('app-busy') && run.dify.openStreams === 0) await occupy(run, exchange);
  await finish(run, exchange, await request(run, exchange));
  if (streaming && stream) await finish(run, streaming, stream);
}

/** Returns the question whose answer a stop ended. The recording has it after the stop, because it ended later. */
function stoppedBy({ exchanges }: Replay, stop: Exchange): Exchange | undefined {
  const taskId = idIn(stop.path);
  return exchanges.find(
    ({ reply, path }) => path !== stop.path && taskId !== undefined && reply.includes(taskId),
  );
}

async function start(run: Replay, question: Exchange): Promise<Arriving> {
  const stream = await request(run, question);
  learn(run, question.reply, await stream.until('answer'));
  return stream;
}

/** Asks the questions of a recorded list whose own recording is missing. Leaves where the recorded client left. */
async function askEarlier(run: Replay, list: Exchange): Promise<void> {
  const { conversation_id, user } = Object.fromEntries(new URL(list.path, run.dify.url).searchParams);
  if (conversation_id === undefined || run.ids.has(conversation_id)) return;
  const { data } = JSON.parse(list.reply) as { data: Record<string, unknown>[] };
  for (const { query, inputs, answer, status, ...row } of data) {
    const body = JSON.stringify({
      query,
      inputs,
      user,
      response_mode: 'streaming',
      auto_generate_name: false,
    });
    const stream = await request(run, { ...list, method: 'POST', path: '/v1/chat-messages', body });
    if (answer === '' && status === 'normal') {
      await stream.until('answer');
      stream.leave();
      await run.dify.idle();
    } else {
      await stream.over;
    }
    learn(run, JSON.stringify({ ...row, message_id: row['id'] }), stream.text());
  }
}

/** The recording contains the last of five refused logins. */
async function refuseLogins(run: Replay, exchange: Exchange): Promise<void> {
  for (let refused = 1; refused < 5; refused++) await (await request(run, exchange)).over;
}

/** Keeps the only place of the app taken. */
async function occupy(run: Replay, { path, body = '' }: Exchange): Promise<void> {
  const stream = await send(run.dify, path, { key: 'busy', body: body.replace('blocking', 'streaming') });
  await stream.until('answer');
}

function request(run: Replay, { name, method, path, body }: Exchange): Promise<Arriving> {
  const { dify, file, ids, login } = run;
  learnApp(run, name, path);
  const translated = (text: string): string => text.replaceAll(anyId, (id) => ids.get(id) ?? id);
  return send(dify, translated(path), {
    method,
    key: keyFor(file, name),
    headers: file === 'console' ? login.headersFor(name) : headersFor(name),
    ...(body !== undefined && {
      body: uploads[name] ?? login.bodyFor(name, translated(body).replace(...longPrompt)),
    }),
  });
}

async function finish(run: Replay, exchange: Exchange, stream: Arriving): Promise<void> {
  await stream.over;
  const { status, headers } = stream;
  const reply = stream.text();
  run.answered.set(exchange.name, { status, headers, cookies: headers['set-cookie'] ?? [], reply });
  run.login.learn(stream);
  learn(run, exchange.reply, reply);
  if (exchange.name === 'upload') learnFile(run, exchange.reply, reply);
}

function learnFile({ ids }: Replay, recorded: string, emulated: string): void {
  const [theirs, ours] = [idIn(recorded), idIn(emulated)];
  if (theirs !== undefined && ours !== undefined) ids.set(theirs, ours);
}

function learn({ ids }: Replay, recorded: string, emulated: string): void {
  for (const field of ['conversation_id', 'message_id', 'task_id']) {
    const [theirs, ours] = [recorded, emulated].map((text) => idIn(text.split(`"${field}"`)[1] ?? ''));
    if (theirs !== undefined && ours !== undefined) ids.set(theirs, ours);
  }
}

/** The address of the console contains the id of the app. */
function learnApp({ dify, ids }: Replay, name: string, path: string): void {
  const recorded = /\/apps\/([\w-]{36})/u.exec(path)?.[1];
  const key = { 'app-chatflow': 'advanced-chat', 'agent-chat': 'agent-chat' }[name] ?? 'chat';
  const id = dify.apps.find((app) => app.key === key)?.id;
  if (recorded !== undefined && id !== undefined && name !== 'app-unknown') ids.set(recorded, id);
}

const anyId = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gu;
const idIn = (text: string): string | undefined => text.match(anyId)?.[0];

/** The recording abbreviates the prompt that is too long. */
const longPrompt = ['(30001 characters)', 'p'.repeat(30_001)] as const;

const prompt = {
  type: 'paragraph',
  variable: 'prompt',
  label: 'prompt',
  required: true,
  maxLength: 30_000,
} as const;
const recordedApps: readonly AppSpec[] = [
  { key: 'chat', mode: 'chat', openingStatement: '你好，我是人物', suggestedQuestions: ['你是谁？'] },
  {
    key: 'agent-chat',
    mode: 'agent-chat',
    openingStatement: '你好，我是人物',
    suggestedQuestions: ['你是谁？'],
  },
  { key: 'advanced-chat', mode: 'advanced-chat', openingStatement: '你好' },
  { key: 'files', mode: 'chat', takesFiles: true },
  {
    key: 'moderation',
    mode: 'chat',
    // The second word is in each answer to the recorded prompt.
    moderation: { words: ['毒', '底色'], onQuestion: '这个问题不能回答。', onAnswer: '回答被撤下。' },
  },
  { key: 'completion', mode: 'completion' },
  { key: 'workflow', mode: 'workflow' },
  { key: 'busy', mode: 'chat', maxActiveRequests: 1 },
].map(
  (app) =>
    ({
      name: `人物 ${app.mode}`,
      description: '',
      suggestsQuestions: true,
      form: [prompt],
      ...app,
    }) as AppSpec,
);

function keyFor(file: string, name: string): string {
  if (name === 'key-wrong') return 'app-unknown';
  if (name === 'question-files-where-off') return 'chat';
  if (name.startsWith('app-')) return name.split('-')[1] ?? '';
  return file === 'errors' ? 'chat' : file;
}

/** The recording does not contain the forms. */
const uploads: Readonly<Record<string, FormData>> = {
  upload: formWith({ name: '灯塔.png', type: 'image/png', bytes: 70 }),
  'upload-unknown-kind': formWith({ name: 'a.exe', type: 'application/octet-stream', bytes: 70 }),
  'upload-no-file': formWith(),
  'upload-too-large': formWith({ name: 'b.png', type: 'image/png', bytes: 11 * 1024 * 1024 }),
};

function formWith(file?: { readonly name: string; readonly type: string; readonly bytes: number }): FormData {
  const form = new FormData();
  form.set('user', 'user-k3');
  if (file) form.set('file', new File([new Uint8Array(file.bytes)], file.name, { type: file.type }));
  return form;
}

export function headersFor(name: string): Record<string, string> {
  if (name === 'key-missing') return { authorization: '' };
  if (name === 'key-basic') return { authorization: 'Basic Y2hhdA==' };
  return name === 'content-type-text' ? { 'content-type': 'text/plain' } : {};
}

/** Words in the recorded questions steered the model: README.md lists them. */
export function modelFor({ turn }: Reply): Model {
  const { query } = turn.message;
  const dies = /die=(\d+)/u.exec(query)?.[1];
  return {
    callsTool: query.includes('tool=1'),
    ...(query.includes('events=0') && { pieces: 0 }),
    ...(query.includes('first=') && { before: (reply) => reply.ping() }),
    ...(query.includes('delay=50') && { pieces: 3, after: (reply) => reply.closed }),
    ...(query.includes('fail=429') && { pieces: 0, failure: refusal[turn.profile] }),
    ...(dies !== undefined && { pieces: Number(dies), failure: death[turn.profile] }),
  };
}

const refusal: Record<Profile, Failure> = {
  '0.15': {
    code: 'completion_request_error',
    message:
      '[openai_api_compatible] Error: API request failed with status code 429: ' +
      '{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}',
  },
  '1.x': {
    code: 'completion_request_error',
    message:
      '[models] Rate Limit Error, API request failed with status code 429: You exceeded your current quota',
  },
};

const death: Record<Profile, Failure> = {
  '0.15': {
    code: 'completion_request_error',
    message: '[openai_api_compatible] Error: Response ended prematurely',
  },
  '1.x': { code: 'invalid_param', message: 'Request to Plugin Daemon Service failed-500' },
};
