/** The OpenAI API, used by OpenAI's own package as its quick start shows it. */
import { randomUUID } from 'node:crypto';

import OpenAI, { APIError, NotFoundError } from 'openai';

import { startApp, type App } from '../support/app';
import { createClient, type Client } from '../support/client';
import { pixel } from '../support/multipart';
import { until } from '../support/until';

let app: App;
let user: Client;
let openai: OpenAI;
let model: string;

const clientOf = (client: Client, options: { maxRetries?: number } = {}) =>
  new OpenAI({ baseURL: `${app.url}/api/openai/v1`, apiKey: client.token ?? '', maxRetries: 0, ...options });

beforeAll(async () => {
  app = await startApp({
    dify: { apps: [{ key: 'app-emulated-chat', mode: 'chat' }] },
    env: { CHAT_STOP_GRACE_SECONDS: '0.5' },
  });
  user = await app.createUser();
  openai = clientOf(user);
  ({ documentId: model } = await app.admin.createCharacter({
    name: 'The keeper',
    prompt: 'You keep a light.',
  }));
});
afterAll(() => app.stop());
afterEach(() => app.dify.reset());

type Messages = OpenAI.ChatCompletionMessageParam[];
const asks = (content: string): Messages[number] => ({ role: 'user', content });
const answers = (content: string): Messages[number] => ({ role: 'assistant', content });
const metadataOf = (completion: object) =>
  (completion as { metadata: { session_id: string; turn_id: string } }).metadata;
const complete = (messages: Messages, client = openai) => client.chat.completions.create({ model, messages });
const textIn = ({ choices }: OpenAI.ChatCompletion) => choices[0]?.message.content ?? '';

async function collect(stream: AsyncIterable<OpenAI.ChatCompletionChunk>) {
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
  return { chunks, text };
}

async function savedAnswer(turnId: string) {
  const { body } = await user.get(`/api/chat-conversations/turns/${turnId}`);
  return body.data;
}

describe('models', () => {
  it('are the published characters', async () => {
    const draft = await app.admin.createDraft({ name: 'A draft', prompt: 'Not yet.' });
    const models = await openai.models.list();

    expect(models.data.map(({ id }) => id)).toContain(model);
    expect(models.data.map(({ id }) => id)).not.toContain(draft.documentId);
    expect(await openai.models.retrieve(model)).toMatchObject({
      id: model,
      object: 'model',
      name: 'The keeper',
    });
    await expect(openai.models.retrieve(draft.documentId)).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
  });
});

describe('a completion', () => {
  it('is the saved answer, with its usage and its ids', async () => {
    const completion = await complete([{ role: 'system', content: 'Be a pirate.' }, asks('How is the sea?')]);
    const { turn_id, session_id } = metadataOf(completion);
    const [, answer] = (await savedAnswer(turn_id)).messages;

    expect(completion).toMatchObject({
      id: `chatcmpl-${turn_id}`,
      object: 'chat.completion',
      model,
      choices: [{ index: 0, finish_reason: 'stop' }],
    });
    expect(textIn(completion)).toBe(answer.answer);
    expect(completion.usage?.total_tokens).toBe(answer.usage.total_tokens);
    expect(answer.session_id).toBe(session_id);
    expect(JSON.stringify(app.dify.requests.at(-1)?.body)).not.toContain('pirate');
  });

  it('is streamed with the same text, and with usage only if the client asks for it', async () => {
    const plain = await collect(
      await openai.chat.completions.create({ model, messages: [asks('How is the sea?')], stream: true }),
    );
    const counted = await collect(
      await openai.chat.completions.create({
        model,
        messages: [asks('How is the sea?')],
        stream: true,
        stream_options: { include_usage: true },
      }),
    );

    const { turn_id } = metadataOf(plain.chunks[0] ?? {});
    const [, answer] = (await savedAnswer(turn_id)).messages;
    expect(plain.text).toBe(answer.answer);
    expect(new Set(plain.chunks.map(({ id }) => id))).toEqual(new Set([`chatcmpl-${turn_id}`]));
    expect(plain.chunks.every(({ choices, usage }) => choices.length === 1 && usage === undefined)).toBe(
      true,
    );
    expect(plain.chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    expect(counted.chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
  });

  it('ends with content_filter when moderation takes the answer back', async () => {
    app.dify.script(async (reply) => {
      await reply.say('This is forbidden');
      await reply.replace('Let us change the subject.');
      await reply.end();
    });
    const { chunks } = await collect(
      await openai.chat.completions.create({ model, messages: [asks('What is it?')], stream: true }),
    );

    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('content_filter');
  });

  it('is refused with the error of OpenAI', async () => {
    const unknown = openai.chat.completions.create({ model: 'unknown', messages: [asks('Hello?')] });
    await expect(unknown).rejects.toBeInstanceOf(NotFoundError);
    await expect(unknown).rejects.toMatchObject({ code: 'model_not_found', type: 'invalid_request_error' });
    await expect(complete([])).rejects.toMatchObject({ status: 400, param: 'messages' });
    await expect(complete([asks('Hi'), answers('Hello')])).rejects.toMatchObject({ status: 400 });
    await expect(complete([asks('Hi')], clientOf(createClient(app.url, 'nobody')))).rejects.toMatchObject({
      status: 401,
      code: 'invalid_api_key',
    });
  });

  it('carries an error of the answer in the stream', async () => {
    app.dify.next('error-after-deltas');
    const stream = await openai.chat.completions.create({ model, messages: [asks('Hi')], stream: true });

    await expect(collect(stream)).rejects.toBeInstanceOf(APIError);
  });

  it('takes pictures as data, and never fetches an address', async () => {
    const image = (url: string): Messages => [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is it?' },
          { type: 'image_url', image_url: { url } },
        ],
      },
    ];
    const completion = await complete(image(`data:image/png;base64,${pixel.toString('base64')}`));

    expect((await savedAnswer(metadataOf(completion).turn_id)).messages[0].files).toHaveLength(1);
    await expect(complete(image('https://example.com/a.png'))).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('fetches no address'),
    });
  });
});

describe('the body of a completion', () => {
  const photo = (megabytes: number): Messages => {
    const bytes = Buffer.alloc(megabytes * 1_000_000);
    pixel.copy(bytes);
    const url = `data:image/png;base64,${bytes.toString('base64')}`;
    const content = [
      { type: 'text' as const, text: 'What is it?' },
      { type: 'image_url' as const, image_url: { url } },
    ];
    return [{ role: 'user', content }];
  };

  it('can have photos that other routes refuse', async () => {
    const completion = await complete(photo(3));

    expect((await savedAnswer(metadataOf(completion).turn_id)).messages[0].files).toHaveLength(1);
  });

  it("is refused in OpenAI's shape if it is too large, and before that without a login", async () => {
    await expect(complete(photo(20))).rejects.toMatchObject({ status: 413, code: 'payload-too-large' });
    await expect(complete(photo(1), clientOf(createClient(app.url, 'nobody')))).rejects.toMatchObject({
      status: 401,
    });
  });

  it.each([
    ['/api/openai/v1/chat/completions', 'model', { role: 'user', content: 'a' }],
    ['/api/ai-sdk/chat', 'character_id', { role: 'user', parts: [] }],
  ])('is refused with 413 before it is parsed if %s gets a million values', async (path, name, message) => {
    const messages = Array(500_000).fill(JSON.stringify(message)).join(',');
    const rawBody = `{"${name}":"${model}","messages":[${messages}]}`;
    const headers = { 'Content-Type': 'application/json' };
    const { status, text } = await user.request('POST', path, { rawBody, headers });

    expect(status).toBe(413);
    expect(text).toContain('Send fewer messages');
  });

  it.each([
    ['broken JSON', '{"model"', 'application/json', 400],
    ['wrong UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'application/json', 400],
    ['JSON that is too deep', '['.repeat(10_000) + ']'.repeat(10_000), 'application/json', 400],
    ['another type', 'model=a', 'application/x-www-form-urlencoded', 415],
  ])('is refused for %s', async (_what, rawBody, type, status) => {
    const reply = await user.request('POST', '/api/openai/v1/chat/completions', {
      rawBody,
      headers: { 'Content-Type': type },
    });

    expect([reply.status, reply.body.error.type]).toEqual([status, 'invalid_request_error']);
  });
});

describe('the thread of a completion', () => {
  it('is the session whose turns the client sends again', async () => {
    const first = await complete([asks('What is your name?')]);
    const second = await complete([asks(' What is your name? '), answers(textIn(first)), asks('And then?')]);
    const third = await complete([
      asks('What is your name?'),
      answers(textIn(first)),
      asks('And then?'),
      // The client has read only the beginning.
      answers(textIn(second).slice(0, 10)),
      asks('Go on.'),
    ]);

    expect(metadataOf(second).session_id).toBe(metadataOf(first).session_id);
    expect(metadataOf(third).session_id).toBe(metadataOf(first).session_id);
  });

  it('is a new session if the messages are not all turns of one', async () => {
    const first = await complete([asks('Where do you live?')]);
    const second = await complete([asks('Where do you live?'), answers(textIn(first)), asks('Since when?')]);
    const forked = await complete([asks('Where do you live?'), answers(textIn(first)), asks('With whom?')]);
    const foreign = await complete([asks('Where do you live?'), answers('Nowhere.'), asks('Since when?')]);

    const sessions = [second, forked, foreign].map((one) => metadataOf(one).session_id);
    expect(new Set(sessions).size).toBe(3);
  });

  it("never is another user's session", async () => {
    const first = await complete([asks('Do you know Ann?')]);
    const other = clientOf(await app.createUser());
    const messages = [asks('Do you know Ann?'), answers(textIn(first)), asks('Really?')];

    expect(metadataOf(await complete(messages, other)).session_id).not.toBe(metadataOf(first).session_id);
    const named = { model, messages, session_id: metadataOf(first).session_id };
    await expect(other.chat.completions.create(named)).rejects.toMatchObject({ status: 404 });
  });

  it('is the session that the client names', async () => {
    const first = await complete([asks('Hello, keeper.')]);
    const { session_id } = metadataOf(first);
    const second = await openai.chat.completions.create({
      model,
      messages: [asks('Do you remember me?')],
      metadata: { session_id },
    });

    expect(metadataOf(second).session_id).toBe(session_id);
  });

  it('goes on after an answer that nobody reads any more, which is stopped', async () => {
    app.dify.script(async (reply) => {
      await reply.say('Once upon a time');
    });
    const stream = await openai.chat.completions.create({
      model,
      messages: [asks('Tell a tale.')],
      stream: true,
    });
    let head = {};
    for await (const chunk of stream) {
      if (Object.keys(head).length === 0) head = chunk;
      if (chunk.choices[0]?.delta.content) break;
    }
    const { turn_id, session_id } = metadataOf(head);
    const next = await complete([asks('Tell a tale.'), answers('Once upon'), asks('A shorter one.')]);

    expect(metadataOf(next).session_id).toBe(session_id);
    expect((await savedAnswer(turn_id)).outcome).toBe('stopped');
  });

  it('is busy while somebody reads its answer', async () => {
    app.dify.script(async (reply) => {
      await reply.say('Once upon a time');
    });
    const stream = await openai.chat.completions.create({
      model,
      messages: [asks('Tell a saga.')],
      stream: true,
    });
    const iterator = stream[Symbol.asyncIterator]();
    const { session_id, turn_id } = metadataOf((await iterator.next()).value ?? {});
    const next = openai.chat.completions.create({
      model,
      messages: [asks('A shorter one.')],
      metadata: { session_id },
    });

    await expect(next).rejects.toMatchObject({ status: 409, code: 'turn-in-progress' });
    await user.post(`/api/chat-conversations/turns/${turn_id}/stop`, {});
  });
});

describe('a lost reply', () => {
  it('is joined by the retry of the package, so that nothing is asked twice', async () => {
    let isFirst = true;
    const retrying = new OpenAI({
      baseURL: `${app.url}/api/openai/v1`,
      apiKey: user.token ?? '',
      maxRetries: 2,
      async fetch(url, init) {
        const response = await fetch(url, init);
        if (!isFirst) return response;
        isFirst = false;
        await response.body?.cancel();
        throw new Error('The connection is lost.');
      },
    });
    const asked = app.dify.requests.length;
    const completion = await complete([asks('Is this lost?')], retrying);

    await until(() => app.dify.openStreams === 0);
    expect(app.dify.requests.slice(asked).filter(({ path }) => path.endsWith('/chat-messages'))).toHaveLength(
      1,
    );
    expect((await savedAnswer(metadataOf(completion).turn_id)).outcome).toBe('completed');
  });

  it('is joined with content_filter if moderation took its answer back', async () => {
    app.dify.script(async (reply) => {
      await reply.say('This is forbidden');
      await reply.replace('Let us change the subject.');
      await reply.end();
    });
    const messages = [asks('Is that lost, too?')];
    const headers = { 'X-Stainless-Retry-Count': '1' };
    await complete(messages);
    const joined = await openai.chat.completions.create({ model, messages }, { headers });

    expect(joined.choices[0]).toMatchObject({
      message: { content: 'Let us change the subject.' },
      finish_reason: 'content_filter',
    });
  });

  it('is joined by its idempotency key, also when the session has this turn already', async () => {
    const first = await complete([asks('Who was here?')]);
    const messages = [asks('Who was here?'), answers(textIn(first)), asks('And when?')];
    const headers = { 'Idempotency-Key': randomUUID() };
    const send = () => openai.chat.completions.create({ model, messages }, { headers });
    const [second, again] = [await send(), await send()];

    expect(metadataOf(again)).toEqual(metadataOf(second));
    const other = [asks('Who else?')];
    await expect(
      openai.chat.completions.create({ model, messages: other }, { headers }),
    ).rejects.toMatchObject({ status: 422 });
  });

  it('is asked anew after a failure', async () => {
    app.dify.next('refuse');
    const retrying = clientOf(user, { maxRetries: 1 });

    expect(textIn(await complete([asks('Does it work now?')], retrying))).not.toBe('');
  });

  it('of another question is not joined', async () => {
    const [first, second] = [await complete([asks('The same?')]), await complete([asks('The same?')])];

    expect(metadataOf(first).turn_id).not.toBe(metadataOf(second).turn_id);
  });
});
