import { createRandom, hash, seed, type Random } from '../faults/support/random';
import { scale } from '../faults/support/scale';
import { piecesOf } from '../faults/support/upstream';
import { startApp, type App } from '../support/app';
import { textOf, type Client } from '../support/client';
import { database } from '../support/database';
import { connect, type SocketFrame } from '../support/socket-client';

let app: App;
let user: Client;
let characterId: string;

const conversations = scale({ full: 4, smoke: 1 });
const steps = 30;

beforeAll(async () => {
  app = await startApp({
    env: {
      CHAT_WS_MESSAGES_PER_SECOND: '1000',
      CHAT_RECOVERY_SECONDS: '0.05',
      CHAT_STOP_GRACE_SECONDS: '0.5',
    },
  });
  user = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());

/** A message in the one form to which the test converts the replies of all APIs. */
interface Line {
  readonly id: number;
  readonly role: string;
  readonly text: string;
}

/** A message that the test expects. The test takes it from the reply to the request that wrote it. */
interface Said extends Line {
  readonly turnId: string | null;
  readonly isDeleted: boolean;
}

/** A conversation as the test expects to read it. */
interface Conversation {
  readonly sessionId: string;
  said: readonly Said[];
}

const visible = ({ said }: Conversation) => said.filter(({ isDeleted }) => !isDeleted);
const toLine = ({ id, role, text }: Said): Line => ({ id, role, text });

/** Returns the turns whose question and answer are both visible. */
function turnsOf(conversation: Conversation): Map<string, readonly Said[]> {
  const turns = new Map<string, readonly Said[]>();
  for (const line of visible(conversation)) {
    if (line.turnId !== null) turns.set(line.turnId, [...(turns.get(line.turnId) ?? []), line]);
  }
  return new Map([...turns].filter(([, lines]) => lines.length === 2));
}

const words = [
  'fog',
  ' padded ',
  '灯塔',
  '👩‍👩‍👧',
  '"quoted"',
  'a\nline',
  '\\',
  "O'Hara",
  '100%_',
  '<b>&amp;',
  '\u2028',
  '{"a":1}',
];
let texts = 0;
function textFrom(random: Random): string {
  texts += 1;
  const some = Array.from({ length: random.between(1, 6) }, () => words[random.between(0, words.length - 1)]);
  return `${some.join(' ')} ${texts}${random.chance(0.1) ? ' long'.repeat(2_000) : ''}`;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- replies of four APIs, each with its own shape
type Shown = any;

const fromMyList = ({ id, role, query, answer }: Shown): Line => ({
  id,
  role,
  text: role === 'user' ? query : answer,
});
const fromSession = ({ message_id, role, content }: Shown): Line => ({ id: message_id, role, text: content });
const fromHistory = ({ id, role, content }: Shown): Line => ({
  id: parseInt(id.slice(-12), 16),
  role,
  text: content,
});

/** Every way to read a conversation, except the WebSocket. */
const readers: Readonly<Record<string, (conversation: Conversation) => Promise<readonly Line[]>>> = {
  async 'my-list'({ sessionId }) {
    const { body } = await user.myList(`?filters[session_id]=${sessionId}&sort=id:asc&pageSize=100`);
    expect(body.meta.pagination.total).toBe(body.data.length);
    return body.data.map(fromMyList);
  },
  async 'my-list by cursor'({ sessionId }) {
    const lines: Line[] = [];
    for (let cursor = ''; ;) {
      const { body } = await user.myList(`?filters[session_id]=${sessionId}&pageSize=7${cursor}`);
      lines.unshift(...body.data.map(fromMyList).reverse());
      if (body.meta.nextCursor === null) return lines;
      cursor = `&cursor=${body.meta.nextCursor}`;
    }
  },
  async 'session API'({ sessionId }) {
    const { data } = (
      await user.get(`/api/chat/sessions/${sessionId}/messages?page_size=100&superseded=true`)
    ).body;
    const session = (await user.get(`/api/chat/sessions/${sessionId}`)).body.data;
    expect([data.total, session.message_count]).toEqual([data.items.length, data.items.length]);
    return data.items.map(fromSession);
  },
  async 'session API in pages'({ sessionId }) {
    const lines: Line[] = [];
    for (let page = 1; ; page += 1) {
      const path = `/aichat/sessions/${sessionId}/messages?page=${page}&pageSize=5&order=desc&superseded=true`;
      const { items } = (await user.get(path)).body.data;
      if (items.length === 0) return lines;
      lines.unshift(...items.map(fromSession).reverse());
    }
  },
  async 'conversation API'({ sessionId }) {
    return (await user.get(`/conversations/${sessionId}/messages`)).body.map(fromHistory);
  },
  async export({ sessionId }) {
    const { text } = await user.get('/api/chat/export');
    const lines: Shown[] = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    return lines
      .filter(({ type, session_id }) => type === 'message' && session_id === sessionId)
      .map(fromSession);
  },
};

/**
 * Resumes each turn over a WebSocket. Checks that the streamed text equals the answer.
 * @returns the two messages of each turn
 */
async function resumeAll(conversation: Conversation): Promise<readonly (readonly Line[])[]> {
  const device = await connect(app.url, `/ws/${conversation.sessionId}`, { token: user.token });
  const told: (readonly Line[])[] = [];
  for (const [turnId, lines] of turnsOf(conversation)) {
    device.send({ type: 'resume', turn_id: turnId });
    const isOver = ({ event, turn_id }: SocketFrame) =>
      turn_id === turnId && ['message_end', 'error', 'request_failed'].includes(event);
    const end = await device.until(isOver);
    const frames = device.frames.filter(({ turn_id, seq }) => turn_id === turnId && seq !== undefined);
    const text = shown(frames);
    const [question, answer] = lines;
    expect([end.event, text]).toEqual([end.event === 'error' ? 'error' : 'message_end', answer?.text]);
    // An error event does not contain the two messages, so the test can compare only the streamed text.
    told.push(
      end.event === 'error'
        ? [question, answer].flatMap((line) => line ?? []).map(toLine)
        : end['data'].map(fromMyList),
    );
  }
  await device.leave();
  return told;
}

const shown = (frames: readonly SocketFrame[]) =>
  textOf(frames.map((frame) => ({ id: Number(frame.seq), event: frame.event, data: frame })));

async function compare(conversation: Conversation, step: string): Promise<void> {
  const expected = visible(conversation).map(toLine);
  const found: Record<string, unknown> = {};
  const wanted: Record<string, unknown> = {};
  for (const [door, read] of Object.entries(readers)) {
    found[door] = await read(conversation);
    wanted[door] = expected;
  }
  found['WebSocket'] = await resumeAll(conversation);
  wanted['WebSocket'] = [...turnsOf(conversation).values()].map((lines) => lines.map(toLine));
  expect({ step, ...found }).toEqual({ step, ...wanted });
}

/** Checks that no API shows a deleted conversation. */
async function expectGone({ sessionId }: Conversation): Promise<void> {
  const list = (await user.myList(`?filters[session_id]=${sessionId}`)).body.data;
  const exported = (await user.get('/api/chat/export')).text.includes(sessionId);
  const replies = await Promise.all([
    user.get(`/api/chat/sessions/${sessionId}`),
    user.get(`/api/chat/sessions/${sessionId}/messages?superseded=true`),
    user.get(`/conversations/${sessionId}/messages`),
  ]);
  const refused: unknown = await connect(app.url, `/ws/${sessionId}`, { token: user.token }).catch(
    (error) => error.status,
  );
  expect([list, exported, ...replies.map(({ status }) => status), refused]).toEqual([
    [],
    false,
    404,
    404,
    404,
    404,
  ]);
}

type Step = (conversation: Conversation, random: Random) => Promise<string | undefined>;

/** Ways to write a message. Each expects the text of its own reply, not the text of a later read. */
const sayings: Readonly<Record<string, Step>> = {
  async 'create-message as JSON'(conversation, random) {
    const query = textFrom(random);
    scriptAnswer(random, query);
    const { body } = await user.ask({ character_id: characterId, query, session_id: conversation.sessionId });
    return noteTurn(
      conversation,
      body.data?.[0]?.turn_id ?? body.error.details.turn_id,
      query,
      body.data?.[1]?.answer,
    );
  },
  async 'create-message as a stream'(conversation, random) {
    const query = textFrom(random);
    scriptAnswer(random, query);
    const events = await user.streamAll({
      character_id: characterId,
      query,
      session_id: conversation.sessionId,
    });
    return noteTurn(conversation, events[0]?.data.turn_id, query, textOf(events));
  },
  async 'reply: true'(conversation, random) {
    const content = textFrom(random);
    scriptAnswer(random, content);
    const { sessionId: session_id } = conversation;
    const { data } = (await user.post('/api/chat/message', { session_id, content, reply: true })).body;
    const { reply, ...question } = data;
    const turn = { turnId: data.turn_id, isDeleted: false };
    conversation.said = [
      ...conversation.said,
      { ...fromSession(question), ...turn },
      { ...fromSession(reply), ...turn },
    ];
    expect(question.content).toBe(content);
    return content;
  },
  async WebSocket(conversation, random) {
    const query = textFrom(random);
    scriptAnswer(random, query);
    const device = await connect(app.url, `/ws/${conversation.sessionId}`, { token: user.token });
    device.send({ type: 'ask', query, request_id: 'ask' });
    const { turn_id: turnId } = await device.until(({ request_id }) => request_id === 'ask');
    await device.until(
      ({ event, turn_id }) => turn_id === turnId && ['message_end', 'error'].includes(event),
    );
    const text = shown(device.frames.filter(({ seq }) => seq !== undefined));
    await device.leave();
    return noteTurn(conversation, turnId, query, text);
  },
  async 'session API'(conversation, random) {
    const [content, role] = [textFrom(random), random.pick(['user', 'assistant', 'tool'])];
    const { data } = (
      await user.post('/api/chat/message', { session_id: conversation.sessionId, content, role })
    ).body;
    conversation.said = [
      ...conversation.said,
      { id: data.message_id, role, text: content, turnId: null, isDeleted: false },
    ];
    return content;
  },
  async 'conversation API'(conversation, random) {
    const [content, role] = [textFrom(random), random.pick(['user', 'assistant', 'tool'])];
    const path = `/conversations/${conversation.sessionId}/messages`;
    const { body } =
      random.chance(0.5) && content.length < 1_000
        ? await user.post(`${path}?${new URLSearchParams({ role, content }).toString()}`, undefined)
        : await user.post(path, { role, content, tool_calls: [{ id: 'call' }] });
    const { id } = fromHistory(body);
    conversation.said = [...conversation.said, { id, role, text: content, turnId: null, isDeleted: false }];
    return content;
  },
};

/** Scripts an answer of Dify in pieces. In 15 % of the cases, it breaks off or fails. */
function scriptAnswer(random: Random, query: string): void {
  const pieces = piecesOf(query.slice(0, 40), random.between(1, 12));
  const end = random.chance(0.15) ? random.pick(['hangUp', 'error']) : 'end';
  app.dify.script(async (reply) => {
    for (const piece of pieces) await reply.say(piece);
    if (end === 'end') await reply.end();
    else if (end === 'hangUp') await reply.hangUp();
    else await reply.error('completion_request_error');
  });
}

/**
 * Adds the two messages of a turn to the conversation.
 * @param text the answer that the client received, or undefined if it received only an error
 */
async function noteTurn(conversation: Conversation, turnId: string, query: string, text: string | undefined) {
  const { messages } = (await user.get(`/api/chat-conversations/turns/${turnId}`)).body.data;
  const [question, answer] = messages.map(fromMyList);
  if (text !== undefined) expect([turnId, answer.text]).toEqual([turnId, text]);
  expect(question.text).toBe(query);
  const turn = { turnId, isDeleted: false };
  conversation.said = [...conversation.said, { ...question, ...turn }, { ...answer, ...turn }];
  return query;
}

const change = (conversation: Conversation, id: number, changes: Partial<Said>) =>
  (conversation.said = conversation.said.map((line) => (line.id === id ? { ...line, ...changes } : line)));

function pickFrom<T>(random: Random, values: readonly T[]): T | undefined {
  return values[random.between(0, Math.max(0, values.length - 1))];
}

const changes: Readonly<Record<string, Step>> = {
  async edit(conversation, random) {
    const line = pickFrom(
      random,
      visible(conversation).filter(({ role }) => role === 'user'),
    );
    if (line === undefined) return undefined;
    const text = textFrom(random);
    const { status } = await user.request('PATCH', `/api/chat/messages/${line.id}`, {
      body: { new_content: text },
    });
    expect(status).toBe(200);
    change(conversation, line.id, { text });
    return `${line.id}`;
  },
  async delete(conversation, random) {
    const line = pickFrom(random, visible(conversation));
    if (line === undefined) return undefined;
    expect((await user.request('DELETE', `/api/chat/messages/${line.id}`)).status).toBe(200);
    change(conversation, line.id, { isDeleted: true });
    return `${line.id}`;
  },
  async restore(conversation, random) {
    const line = pickFrom(
      random,
      conversation.said.filter(({ isDeleted }) => isDeleted),
    );
    if (line === undefined) return undefined;
    expect((await user.post(`/api/chat/messages/${line.id}/restore`, undefined)).status).toBe(200);
    change(conversation, line.id, { isDeleted: false });
    return `${line.id}`;
  },
  async regenerate(conversation, random) {
    const [turnId, lines] = pickFrom(random, [...turnsOf(conversation)]) ?? [];
    if (turnId === undefined || lines === undefined) return undefined;
    const query = lines[0]?.text ?? '';
    scriptAnswer(random, query);
    const { body } = await user.post(`/api/chat-conversations/turns/${turnId}/regenerate`, undefined);
    const made = body.data?.[0]?.turn_id ?? body.error.details.turn_id;
    await noteTurn(conversation, made, query, body.data?.[1]?.answer);
    return turnId;
  },
  async 'delete and restore the session'(conversation) {
    const path = `/api/chat/sessions/${conversation.sessionId}`;
    expect((await user.request('DELETE', path)).status).toBe(200);
    await expectGone(conversation);
    expect((await user.post(`${path}/restore`, undefined)).status).toBe(200);
    return 'all';
  },
};

describe('a conversation that is written through every API', () => {
  it.each(Array.from({ length: conversations }, (_, index) => index))(
    'reads the same through every API after each change (%i)',
    async (index) => {
      process.stdout.write(`all APIs · ${database} · seed ${seed} · conversation ${index}\n`);
      const random = createRandom(hash(`${seed} doors ${index}`));
      const { session_id: sessionId } = (await user.post('/api/chat/session', { character_id: characterId }))
        .body.data;
      const conversation: Conversation = { sessionId, said: [] };
      // The first steps use each way to write, in random order, and then each change. Later steps are random.
      const all = { ...prefixed('say by', sayings), ...changes };
      const first = Object.keys(prefixed('say by', sayings)).sort(() => random.next() - 0.5);
      const plan = [...first, ...Object.keys(changes)];
      for (let at = 0; at < steps; at += 1) {
        const name = plan[at] ?? pickFrom(random, Object.keys(all)) ?? '';
        const what = await all[name]?.(conversation, random);
        await compare(conversation, `${at} ${name} ${what?.slice(0, 40)}`);
      }
      expect(conversation.said.length).toBeGreaterThan(10);
    },
    120_000,
  );
});

function prefixed(prefix: string, steps: Readonly<Record<string, Step>>): Readonly<Record<string, Step>> {
  return Object.fromEntries(Object.entries(steps).map(([name, step]) => [`${prefix} ${name}`, step]));
}
