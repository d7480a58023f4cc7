/** The Dify API: compared with recordings of Dify, used by Dify's own clients, and mixed with the other APIs. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { generate } from '../dify-emulator/generate';
import { answerOf, readEvents, send, toEvents, type WireEvent } from '../dify-emulator/test-client';
import { startApp, type App } from '../support/app';
import { readStream, textOf, type Client } from '../support/client';
import {
  fieldsOf,
  headOf,
  onPurpose,
  recordings,
  replay,
  type Answered,
  type Replayed,
} from '../support/dify-recordings';
import { connect } from '../support/socket-client';
import { until } from '../support/until';

const run = promisify(execFile);

let app: App;
let user: Client;
let other: Client;
let character: { id: number; documentId: string };
let base: string;
let consolePath: string;

beforeAll(async () => {
  const emulated = { key: 'app-emulated-chat', mode: 'chat', suggestsQuestions: true } as const;
  app = await startApp({
    dify: { profile: '1.x', apps: [emulated] },
    env: { CHAT_HEARTBEAT_SECONDS: '1', CHAT_STOP_GRACE_SECONDS: '0.5' },
  });
  user = await app.createUser();
  other = await app.createUser();
  character = await app.admin.createCharacter({
    name: 'The keeper',
    prompt: 'You are a keeper.',
    introduce: 'Keeps the light.',
    opening_statement: '你好，我是人物',
    suggested_questions: ['你是谁？'],
  });
  base = `/api/dify/${character.documentId}/v1`;
  consolePath = `/console/api/apps/${character.documentId}/chat-messages`;
});
afterAll(() => app.stop());
afterEach(() => app.dify.reset());

const asked = (fields: Readonly<Record<string, unknown>> = {}) => ({
  inputs: {},
  query: 'How is the sea?',
  user: 'anyone',
  response_mode: 'blocking',
  ...fields,
});
const ask = (fields?: Readonly<Record<string, unknown>>, client = user) =>
  client.post(`${base}/chat-messages`, asked(fields));
const openStream = (fields?: Readonly<Record<string, unknown>>, headers = {}) =>
  send({ url: app.url } as App['dify'], `${base}/chat-messages`, {
    key: String(user.token),
    body: asked({ response_mode: 'streaming', ...fields }),
    headers,
  });

describe('compared with the recordings of Dify 1.12.1', () => {
  let replayed: Replayed;
  const replyTo = (name: string) => replayed.answered.get(name) as Answered;
  const toAnswered = ({ status, headers, reply }: (typeof recordings)[number]): Answered => ({
    status,
    type: headers['content-type'] ?? '',
    reply,
  });
  beforeAll(async () => {
    replayed = await replay(app, user, character.documentId);
  });

  const same = recordings.filter(({ name }) => onPurpose[name] === undefined);
  const others = recordings.filter(({ name }) => onPurpose[name] !== undefined);

  it.each(same)('replies to $name with the recorded status, type, code and fields', (exchange) => {
    const [reply, recorded] = [replyTo(exchange.name), toAnswered(exchange)];
    expect(headOf(reply)).toBe(headOf(recorded));
    expect(fieldsOf(reply)).toEqual(fieldsOf(recorded));
  });

  it.each(others)('replies to $name in its own way', (exchange) => {
    const reply = replyTo(exchange.name);
    expect(headOf(reply)).toBe(onPurpose[exchange.name]?.reply);
    expect([headOf(reply), ...fieldsOf(reply)]).not.toEqual([
      headOf(toAnswered(exchange)),
      ...fieldsOf(toAnswered(exchange)),
    ]);
  });

  it('names only recordings in the table of differences', () => {
    expect(Object.keys(onPurpose).sort()).toEqual(others.map(({ name }) => name).sort());
  });

  it('keeps the answer of a client that has left, which Dify loses', async () => {
    const list = recordings.find(({ name }) => name === 'messages-after-disconnect');
    const recorded = /conversation_id=([\w-]+)/u.exec(list?.path ?? '')?.[1] ?? '';
    const id = String(replayed.idOf(recorded));
    const saved = async () =>
      (await user.myList(`?filters[conversation_id]=${id}&sort=id:desc`)).body.data[0];
    await until(async () => (await saved()).outcome === 'completed');
    const { answer } = await saved();
    expect(answer).not.toBe('');
    const { data } = (await user.get(`${base}/messages?conversation_id=${id}`)).body;
    expect(data).toMatchObject([{ answer, status: 'normal', error: null }]);
  });
});

/** Lets answers to "Wait …" wait for a stop after three pieces. */
function waitForStops(): void {
  app.dify.always((reply) =>
    generate(reply, {
      ...(reply.turn.message.query.startsWith('Wait') && { pieces: 3, after: () => reply.closed }),
    }),
  );
}

describe("Dify's clients", () => {
  it('work unmodified: dify-client from npm', async () => {
    waitForStops();
    const script = path.join(__dirname, '../support/dify-client.mjs');
    const { stdout } = await run(process.execPath, [script, String(user.token), `${app.url}${base}`]);
    const got = JSON.parse(stdout);

    expect(got.parameters).toMatchObject({ status: 200, data: { opening_statement: '你好，我是人物' } });
    expect(got.sent).toMatchObject({ status: 200, data: { event: 'message', mode: 'chat' } });
    const { conversation_id: id, message_id } = got.sent.data;
    expect(namesOf(got.streamed)).toEqual(['message', 'message_end']);
    expect(namesOf(got.stopped)).toEqual(['message', 'message_end']);
    expect(got.stop).toEqual({ status: 200, data: { result: 'success' } });
    const [before, last] = got.messages.data.data;
    expect(got.messages.data).toMatchObject({ limit: 2, has_more: true });
    expect(before).toMatchObject({ query: 'And the fog?', answer: answerOf(got.streamed) });
    expect(last).toMatchObject({
      query: 'Wait for a stop.',
      answer: answerOf(got.stopped),
      status: 'normal',
    });
    expect(got.uploaded).toMatchObject({ status: 201, data: { name: 'sea.png', extension: 'png' } });
    expect(got.seen.status).toBe(200);
    const files = app.dify.requests.flatMap(
      ({ body }) => (body as { files?: unknown[] } | null)?.files ?? [],
    );
    expect(files).toMatchObject([{ type: 'image', upload_file_id: got.uploaded.data.id }]);
    expect(got.conversations.data.data[1]).toMatchObject({ id, name: 'How is the sea?' });
    expect(got.renamed).toMatchObject({ status: 200, data: { id, name: 'Weather' } });
    expect(got.rated).toEqual({ status: 200, data: { result: 'success' } });
    expect(app.dify.requests.at(-1)?.path).toBe(`/v1/messages/${message_id}/feedbacks`);
    expect(got.deleted.status).toBe(204);
    expect(got.gone).toMatchObject({ status: 404, data: { code: 'not_found' } });
  });

  it('work with the bytes that dify-client from PyPI sends, and its documented loop', async () => {
    const body =
      '{"inputs": {}, "query": "\\u4f60\\u597d", "user": "abc-123", "response_mode": "streaming", "files": null}';
    const stream = await send({ url: app.url } as App['dify'], `${base}/chat-messages`, {
      key: String(user.token),
      body,
      headers: {
        'User-Agent': 'python-requests/2.31.0',
        'Accept-Encoding': 'gzip, deflate',
        Accept: '*/*',
        Connection: 'keep-alive',
      },
    });
    await stream.over;

    // Without this charset, `requests` decodes Latin-1.
    expect(stream.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const events = stream
      .text()
      .split('\n')
      .map((line) => line.split('data:').slice(-1)[0]?.trim() ?? '')
      .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as WireEvent]));
    expect(namesOf(events)).toEqual(['message', 'message_end']);
    expect(app.dify.requests.at(-1)?.body).toMatchObject({ query: '你好' });
  });

  it('work by the curl lines of the specification of the console', async () => {
    const lines = readFileSync(path.join(__dirname, '../support/dify-console.sh'), 'utf8')
      .replaceAll('http://localhost/console/', `${app.url}/console/`)
      .replaceAll('13f717a8-aba2-4155-b139-817ca700651f', character.documentId)
      .replaceAll('<console access token>', String(user.token));
    const [post = '', get = ''] = lines.split('\n\n');
    const stream = toEvents((await run('sh', ['-c', post])).stdout);
    expect(namesOf(stream)).toEqual(['message', 'message_end']);
    const asked = app.dify.requests.at(-1)?.body as { query: string; inputs: { prompt: string } };
    expect([asked.query, asked.inputs.prompt]).toEqual(['asdasdsad', 'You are a keeper.']);

    const id = String(stream[0]?.['conversation_id']);
    const list = await run('sh', ['-c', get.replaceAll(/(?<=conversation_id=)[\w-]+/gu, id)]);
    expect(JSON.parse(list.stdout)).toMatchObject({
      limit: 20,
      has_more: false,
      data: [{ conversation_id: id, query: 'asdasdsad', answer: answerOf(stream), status: 'normal' }],
    });
  });
});

/** Returns the names of events. Equal names in a row become one. */
function namesOf(events: readonly WireEvent[]): string[] {
  return events.map(({ event }) => event).filter((name, at, all) => name !== all[at - 1]);
}

describe('the event stream', () => {
  it.each(['application/json', '*/*', 'text/html'])('ignores the header Accept: %s', async (accept) => {
    const events = await readEvents(await openStream({}, { accept }));
    expect(namesOf(events)).toEqual(['message', 'message_end']);
  });

  it('is JSON in blocking mode, whatever the header Accept says', async () => {
    const headers = { Accept: 'text/event-stream' };
    const reply = await user.request('POST', `${base}/chat-messages`, { body: asked(), headers });
    expect([reply.status, reply.body.event]).toEqual([200, 'message']);
  });

  it('has an id of the conversation in every event, also before Dify names one', async () => {
    app.dify.next({ name: 'missing-ids' });
    const events = await readEvents(await openStream());
    const ids = new Set(events.map(({ conversation_id }) => conversation_id));
    expect(ids.size).toBe(1);
    const follow = await ask({ conversation_id: [...ids][0] });
    expect(follow.status).toBe(200);
  });

  it('repeats the answer of a question with the same Idempotency-Key', async () => {
    const headers = { 'Idempotency-Key': 'dify-api-once' };
    const first = await openStream({}, headers);
    await first.over;
    const count = app.dify.requests.length;
    const again = await openStream({}, headers);
    await again.over;
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(answerOf(toEvents(again.text()))).toBe(answerOf(toEvents(first.text())));
    expect(app.dify.requests).toHaveLength(count);
  });

  it('replies in blocking mode with the status 400 if the model fails', async () => {
    app.dify.next({ name: 'error-after-deltas' });
    const { status, body } = await ask();
    expect([status, body.code, body.status]).toEqual([400, 'completion_request_error', 400]);
  });
});

describe('lists', () => {
  let conversation: string;
  let answers: readonly { id: string; answer: string }[];
  beforeAll(async () => {
    const first = (await ask({ query: 'One?' }, other)).body;
    conversation = first.conversation_id;
    const rest = [];
    for (const query of ['Two?', 'Three?']) {
      rest.push((await ask({ query, conversation_id: conversation }, other)).body);
    }
    answers = [first, ...rest].map(({ message_id, answer }) => ({ id: message_id, answer }));
  });
  const list = async (query: string, client = other) =>
    (await client.get(`${base}/messages?conversation_id=${conversation}${query}`)).body;
  const idsIn = ({ data }: { data: readonly { id: string }[] }) => data.map(({ id }) => id);

  it('show the messages before first_id, oldest first', async () => {
    const [one, two, three] = answers.map(({ id }) => id);
    expect(idsIn(await list(''))).toEqual([one, two, three]);
    const newest = await list('&limit=1');
    expect([idsIn(newest), newest.has_more]).toEqual([[three], true]);
    const earlier = await list(`&first_id=${three}`);
    expect([idsIn(earlier), earlier.has_more]).toEqual([[one, two], false]);
  });

  it('reply with 404 to an unknown first_id', async () => {
    expect(await list('&first_id=x')).toMatchObject({ code: 'not_found', status: 404 });
  });

  it('show the conversations after last_id, in the order of sort_by', async () => {
    const second = (await ask({ query: 'Another?' }, other)).body.conversation_id;
    const conversations = async (query: string) => (await other.get(`${base}/conversations?${query}`)).body;
    expect(idsIn(await conversations(''))).toEqual([second, conversation]);
    const page = await conversations('limit=1');
    expect([idsIn(page), page.has_more]).toEqual([[second], true]);
    expect(idsIn(await conversations(`limit=1&last_id=${second}`))).toEqual([conversation]);
    expect(idsIn(await conversations('sort_by=created_at'))).toEqual([conversation, second]);
    expect(idsIn(await conversations(`sort_by=created_at&last_id=${conversation}`))).toEqual([second]);
  });

  it('show only the conversations with this character', async () => {
    const pirate = await app.admin.createCharacter({ name: 'A pirate' });
    const paths = [`conversations`, `messages?conversation_id=${conversation}`];
    const replies = await Promise.all(paths.map((one) => other.get(`/api/dify/${pirate.id}/v1/${one}`)));
    expect(replies.map(({ status }) => status)).toEqual([200, 404]);
    expect(replies[0]?.body.data).toEqual([]);
  });

  it('show in the console every key of the specification, and the thread by parent_message_id', async () => {
    const { body } = await other.get(`${consolePath}?conversation_id=${conversation}&limit=2`);
    const [, second, third] = answers;
    expect(body).toMatchObject({ limit: 2, has_more: true, data: [second, third] });
    expect(body.data.map((message: { parent_message_id: string }) => message.parent_message_id)).toEqual([
      answers[0]?.id,
      second?.id,
    ]);
    expect(Object.keys(body.data[0])).toEqual([
      ...['id', 'conversation_id', 'inputs', 'query', 'message', 'message_tokens', 'answer', 'answer_tokens'],
      ...['provider_response_latency', 'from_source', 'from_end_user_id', 'from_account_id', 'feedbacks'],
      ...['workflow_run_id', 'annotation', 'annotation_hit_history', 'created_at', 'agent_thoughts'],
      ...['message_files', 'metadata', 'status', 'error', 'parent_message_id'],
    ]);
    expect(body.data[0].message).toEqual([
      { role: 'system', text: 'You are a keeper.', files: [] },
      { role: 'user', text: 'Two?', files: [] },
    ]);
  });

  it('name a conversation again by its first question', async () => {
    const rename = (body: object) => other.post(`${base}/conversations/${conversation}/name`, body);
    expect((await rename({ name: 'Numbers' })).body.name).toBe('Numbers');
    expect((await rename({ auto_generate: true })).body.name).toBe('One?');
  });

  it("reply to another user's conversation as to an unknown one", async () => {
    const unknown = '11111111-1111-4111-8111-111111111111';
    const replyTo = async (id: string) => {
      const { status, text } = await user.get(`${base}/messages?conversation_id=${id}`);
      return [status, text];
    };
    expect(await replyTo(conversation)).toEqual(await replyTo(unknown));
    const { status } = await user.request('DELETE', `${base}/conversations/${conversation}`, { body: {} });
    expect(status).toBe(204);
    expect((await list('')).data).toHaveLength(3);
  });
});

describe('a turn', () => {
  it('that begins here is followed, stopped and listed by the other APIs', async () => {
    waitForStops();
    const stream = await openStream({ query: 'Wait for the session API.' });
    await stream.until('"answer"');
    const [begun] = toEvents(stream.text());
    const turnId = String(begun?.['task_id']);
    const turn = (await user.get(`/api/chat-conversations/turns/${turnId}`)).body.data;
    const device = await connect(app.url, `/ws/${turn.session_id}`, { token: user.token });
    const followed = await user.open('GET', `/api/chat-conversations/turns/${turnId}/stream`);
    await user.post(`/api/chat-conversations/turns/${turnId}/stop`, {});

    await stream.over;
    const events = toEvents(stream.text());
    const answer = answerOf(events);
    expect(namesOf(events)).toEqual(['message', 'message_end']);
    expect(answer).not.toBe('');
    expect(textOf(await readStream(followed.events))).toBe(answer);
    expect((await device.until(({ event }) => event === 'message_end')).data[1].answer).toBe(answer);
    await device.leave();
    const id = String(begun?.['conversation_id']);
    const listed = await Promise.all([
      user
        .myList(`?filters[turn_id]=${turnId}&filters[role]=assistant`)
        .then(({ body }) => body.data[0].answer),
      user.get(`/api/chat/sessions/${id}/messages`).then(({ body }) => body.data.items[1].content),
      user.get(`/conversations/${id}/messages`).then(({ body }) => body[1].content),
      user.get(`${consolePath}?conversation_id=${id}`).then(({ body }) => body.data[0].answer),
    ]);
    expect(new Set(listed)).toEqual(new Set([answer]));
  });

  it('that begins in another API is listed and stopped here', async () => {
    waitForStops();
    const { events } = await user.stream({ character_id: character.documentId, query: 'Wait for Dify.' });
    const started = (await events.next()).value;
    if (started === undefined) throw new Error('The stream is empty.');
    const { turn_id, session_id } = started.data;
    for await (const { event } of { [Symbol.asyncIterator]: () => ({ next: () => events.next() }) }) {
      if (event === 'message') break;
    }
    const path = `${base}/messages?conversation_id=${session_id}`;
    expect((await user.get(path)).body.data).toMatchObject([{ query: 'Wait for Dify.', status: 'normal' }]);
    const { body } = await user.post(`${base}/chat-messages/${turn_id.toUpperCase()}/stop`, { user: 'x' });
    expect(body).toEqual({ result: 'success' });

    const rest = await readStream(events);
    expect(rest.at(-1)?.data).toMatchObject({ event: 'message_end', outcome: 'stopped' });
    const { answer } = rest.at(-1)?.data.data[1] ?? {};
    expect((await user.get(path)).body.data).toMatchObject([{ answer, status: 'normal', error: null }]);
    const conversations = (await user.get(`${base}/conversations?limit=1`)).body.data;
    expect(conversations[0]).toMatchObject({ name: 'Wait for Dify.' });
  });

  it('of another user is not stopped, and the reply is the same', async () => {
    waitForStops();
    const stream = await openStream({ query: 'Wait for me.' });
    await stream.until('"answer"');
    const turnId = String(toEvents(stream.text())[0]?.['task_id']);
    const stop = (client: Client) => client.post(`${base}/chat-messages/${turnId}/stop`, {});
    expect((await stop(other)).body).toEqual({ result: 'success' });
    const { data } = (await user.get(`/api/chat-conversations/turns/${turnId}`)).body;
    expect(data.is_live).toBe(true);
    expect((await stop(user)).body).toEqual({ result: 'success' });
    await stream.over;
  });
});
