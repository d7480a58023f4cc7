import { readCaptures } from '../dify-emulator/captures/read';
import type { Usage } from '../dify-emulator/usage';
import { startApp, type App } from '../support/app';
import { readStream, textOf, type Client, type StreamEvent } from '../support/client';
import { createGate } from '../support/gate';

let app: App;
let user: Client;
let characterId: string;

beforeAll(async () => {
  app = await startApp();
  user = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());
afterEach(async () => {
  app.dify.reset();
  await app.dify.idle();
});

const base = '/api/chat-conversations';
const createMessage = `${base}/create-message`;
const headers = { Accept: 'text/event-stream' };
const pieces = ['Maren', ' here, ', '灯塔 🌊\n', '"quoted"', ' and done.'];

const answerWith = (texts: readonly string[], usage: Partial<Usage> = {}) =>
  app.dify.script(async (reply) => {
    for (const text of texts) await reply.say(text);
    await reply.end(usage);
  });

/** Asks a question, and returns the bytes of the stream as text. */
async function askRaw(format: string, query = 'Is it lonely?'): Promise<string> {
  const body = { data: { character_id: characterId, query } };
  const { status, text } = await user.request('POST', `${createMessage}?format=${format}`, { body, headers });
  expect(status).toBe(200);
  return text;
}

const followRaw = async (turnId: string, after: number) =>
  (await user.get(`${base}/turns/${turnId}/stream?format=compact&after=${after}`)).text;

interface Data {
  readonly event: string;
  readonly turn_id?: string;
}

const dataOf = (text: string): Data[] =>
  [...text.matchAll(/^data: (.*)$/gmu)].map(([, data = '']) => JSON.parse(data) as Data);

const framesOf = (text: string) => text.split(/^(?=id: )/mu).filter((frame) => frame.startsWith('id: '));

describe('a compact event stream', () => {
  it('has the ids once, and then pieces with nothing but event and answer', async () => {
    answerWith(pieces);
    const [started, first, ...others] = dataOf(await askRaw('compact'));
    const end = others.pop();

    expect(Object.keys(started ?? {})).toEqual([
      'event',
      'turn_id',
      'session_id',
      'conversation_id',
      'message_id',
      'created_at',
      'question_message_id',
    ]);
    expect(first).toEqual({
      event: 'message',
      conversation_id: expect.any(String),
      message_id: expect.any(String),
      answer: 'Maren',
    });
    expect(others).toEqual(pieces.slice(1).map((answer) => ({ event: 'message', answer })));
    const { conversation_id, message_id } = first as unknown as Record<string, string>;
    expect(end).toEqual({
      event: 'message_end',
      conversation_id,
      message_id,
      outcome: 'completed',
      metadata: { usage: expect.any(Object) },
    });
  });

  it('has the events of the full stream, with the same numbers and texts', async () => {
    answerWith(pieces);
    const full = await user.streamAll({ character_id: characterId, query: 'Both' });
    answerWith(pieces);
    const compact = await askRaw('compact', 'Both, again');

    expect(framesOf(compact).map((frame) => /^id: (\d+)/u.exec(frame)?.[1])).toEqual(
      full.map(({ id }) => String(id)),
    );
    expect(dataOf(compact).map(({ event }) => event)).toEqual(full.map(({ event }) => event));
    const shown = dataOf(compact).map((data) => ({ event: data.event, data })) as unknown as StreamEvent[];
    expect(textOf(shown)).toBe(pieces.join(''));
  });

  it('is the same after every event id, byte for byte, while the answer runs', async () => {
    const gate = createGate();
    app.dify.script(async (reply) => {
      for (const piece of pieces) await reply.say(piece);
      await gate.opened;
      await reply.say('The end.');
      await reply.end();
    });
    const { events } = await user.open('POST', `${createMessage}?format=compact`, {
      body: { data: { character_id: characterId, query: 'Resume' } },
    });
    const seen: StreamEvent[] = [];
    while (seen.length <= pieces.length) seen.push((await events.next()).value as StreamEvent);
    const turnId = String(seen[0]?.data.turn_id);
    const path = `${base}/turns/${turnId}/stream?format=compact`;
    // A reply has begun before its promise settles. So all follow the running answer, not the saved one.
    const followers = await Promise.all(
      Array.from({ length: seen.length + 1 }, (_, after) => user.open('GET', `${path}&after=${after}`)),
    );
    gate.open();
    const read = await Promise.all(followers.map((follower) => readStream(follower.events)));
    await readStream(events);

    // The keys of parsed JSON keep their order.
    const [uncut = [], ...resumed] = read.map((all) => all.map(({ id, data }) => [id, JSON.stringify(data)]));
    expect(uncut).toHaveLength(pieces.length + 3);
    for (const [index, rest] of resumed.entries()) expect(rest).toEqual(uncut.slice(index + 1));
  });

  it('has the ids and the whole text after the end of the answer', async () => {
    answerWith(pieces);
    const turnId = String(dataOf(await askRaw('compact', 'Ended'))[0]?.turn_id);
    const whole = dataOf(await followRaw(turnId, 0));
    const rest = dataOf(await followRaw(turnId, 3));

    expect(whole.map(({ event }) => event)).toEqual(['turn_started', 'message', 'message_end']);
    expect(whole[1]).toEqual({ event: 'message', answer: pieces.join('') });
    expect(rest).toEqual([
      {
        event: 'message_replace',
        conversation_id: expect.any(String),
        message_id: expect.any(String),
        answer: pieces.join(''),
      },
      whole[2],
    ]);
  });

  it('ends with an error that has the ids', async () => {
    app.dify.next({ name: 'eof-after-deltas', after: 2 });
    expect(dataOf(await askRaw('compact', 'Break')).at(-1)).toEqual({
      event: 'error',
      conversation_id: expect.any(String),
      message_id: expect.any(String),
      code: 'upstream-interrupted',
      status: 502,
      message: expect.any(String),
      outcome: 'interrupted',
    });
  });
});

describe('format=compact', () => {
  const isCompact = (text: string) => {
    const [, , ...others] = dataOf(text).slice(0, -1);
    expect(others.length).toBeGreaterThan(0);
    for (const data of others) expect(Object.keys(data)).toEqual(['event', 'answer']);
  };

  it('works on every route that streams an answer', async () => {
    answerWith(pieces);
    const turnId = String(dataOf(await askRaw('compact', 'First'))[0]?.turn_id);
    answerWith(pieces);
    const again = await user.request('POST', `${base}/turns/${turnId}/regenerate?format=compact`, {
      body: {},
      headers,
    });
    isCompact(again.text);

    const { body } = await user.post('/api/chat/session', { character_id: characterId });
    answerWith(pieces);
    const asked = await user.request('POST', '/api/chat/message?format=compact', {
      body: { session_id: body.data.session_id, content: 'In a session', reply: true },
      headers,
    });
    isCompact(asked.text);

    const { body: list } = await user.get(`/api/chat/sessions/${body.data.session_id}/messages`);
    answerWith(pieces);
    const edited = await user.request(
      'PATCH',
      `/api/chat/messages/${list.data.items[0].message_id}?format=compact`,
      { body: { new_content: 'In other words', regenerate: true }, headers },
    );
    isCompact(edited.text);
  });

  it.each(['', 'tiny', 'COMPACT', 'compact&format=full'])('refuses the format %j', async (format) => {
    const before = app.dify.requests.length;
    const message = 'format must be full or compact.';
    const question = { data: { character_id: characterId, query: 'Never asked' } };
    const turn = `${base}/turns/266046be-c9f1-4a68-b50c-a0f18882503c`;
    const replies = await Promise.all([
      user.post(`${createMessage}?format=${format}`, question),
      user.post(`${turn}/regenerate?format=${format}`, {}),
      user.get(`${turn}/stream?format=${format}`),
    ]);

    for (const { status, body } of replies)
      expect([status, body.error?.details.code, body.error?.message]).toEqual([
        400,
        'invalid-request',
        message,
      ]);
    expect(app.dify.requests).toHaveLength(before);
  });
});

describe('the bytes of a compact event stream', () => {
  /** Complete answers that real Difys have sent. */
  const recorded = ['1.12.1', '0.15.3'].flatMap((version) =>
    ['chat', 'agent-chat', 'advanced-chat'].flatMap((file) =>
      readCaptures(version, file)
        .filter(({ reply }) => /"event": ?"message_end"/u.test(reply))
        .filter(({ headers: sent }) => sent['content-type']?.startsWith('text/event-stream'))
        .map(({ name, reply }) => ({ name: `${version} ${file} ${name}`, reply })),
    ),
  );

  it.each(recorded)('are at most 1.1 times those of Dify for $name', async ({ name, reply }) => {
    const events = [...reply.matchAll(/^data: (.*)$/gmu)].map(
      ([, data = '']) => JSON.parse(data) as { event: string; answer?: string; metadata?: { usage?: Usage } },
    );
    const texts = events.flatMap(({ event, answer }) => (event.endsWith('message') && answer) || []);
    const usage = events.find(({ event }) => event === 'message_end')?.metadata?.usage ?? {};
    answerWith(texts, usage);
    const compact = await askRaw('compact', name);

    expect(textOf(dataOf(compact).map((data) => ({ event: data.event, data })) as never)).toBe(
      texts.join(''),
    );
    const ratio = Buffer.byteLength(compact) / Buffer.byteLength(`${reply}\n\n`);
    expect(ratio).toBeLessThanOrEqual(1.1);
  });
});
