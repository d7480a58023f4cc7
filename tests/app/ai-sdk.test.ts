/** The chats of the AI SDK, used by its own package as its quick start shows it. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { text as readText } from 'node:stream/consumers';

import { DefaultChatTransport, validateUIMessages } from 'ai';

import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { pixel } from '../support/multipart';
import { PlainChat, type Message, type Metadata } from '../support/plain-chat';
import { until } from '../support/until';

let app: App;
let user: Client;
let character: string;

beforeAll(async () => {
  app = await startApp({
    dify: { apps: [{ key: 'app-emulated-chat', mode: 'chat' }] },
    env: { CHAT_STOP_GRACE_SECONDS: '0.5' },
  });
  user = await app.createUser();
  ({ documentId: character } = await app.admin.createCharacter({
    name: 'The keeper',
    prompt: 'You keep a light.',
  }));
});
afterAll(() => app.stop());
afterEach(() => app.dify.reset());

class Chat extends PlainChat {
  constructor(
    id: string,
    {
      messages = [],
      client = user,
      body = {},
      url = app.url,
      onData,
    }: {
      messages?: Message[];
      client?: Client;
      body?: object;
      url?: string;
      onData?: (part: object) => void;
    } = {},
  ) {
    super({
      id,
      messages,
      ...(onData !== undefined && { onData }),
      transport: new DefaultChatTransport({
        api: `${url}/api/ai-sdk/chat`,
        headers: { Authorization: `Bearer ${client.token}` },
        body: { character_id: character, ...body },
      }),
    });
  }
}

const newId = () => `chat-${randomUUID()}`;
const textIn = (message: Message | undefined) =>
  (message?.parts ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('');
const historyOf = async (id: string, client = user): Promise<Message[]> =>
  (await client.get(`/api/ai-sdk/chat/${encodeURIComponent(id)}`)).body;
const stop = (id: string) => user.request('POST', `/api/ai-sdk/chat/${id}/stop`);
/** Returns the bodies of the questions that Dify has got. */
const questions = () =>
  app.dify.requests
    .filter(({ path }) => path.endsWith('/chat-messages'))
    .map(({ body }) => body as Readonly<Record<string, unknown>>);

/** Asks, and returns the chat and its answer. */
async function ask(id: string, text: string): Promise<{ chat: Chat; answer: Message }> {
  const chat = new Chat(id);
  await chat.sendMessage({ text });
  return { chat, answer: lastOf(chat) };
}

function lastOf(chat: Chat): Message {
  const message = chat.lastMessage;
  if (message === undefined) throw new Error('The chat is empty.');
  return message;
}

/** Lets the character begin an answer, which waits in its middle. @returns a function that tells the rest. */
function beginTale(): () => void {
  let goOn = () => {};
  const isAllowed = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  app.dify.script(async (reply) => {
    await reply.say('Once upon ');
    await Promise.race([isAllowed, reply.closed]);
    await reply.say('a time.');
    await reply.end();
  });
  return goOn;
}

describe('a chat of the AI SDK', () => {
  it('is asked, and shows the saved answer with its usage and its ids', async () => {
    const { chat, answer } = await ask(newId(), 'How is the sea?');
    const { session_id, turn_id, usage, outcome } = answer.metadata ?? ({} as Metadata);
    const { body } = await user.get(`/api/chat-conversations/turns/${turn_id}`);
    const [, saved] = body.data.messages;

    expect(chat.error).toBeUndefined();
    expect(chat.status).toBe('ready');
    expect(answer).toMatchObject({ id: turn_id, role: 'assistant' });
    expect([textIn(answer), outcome]).toEqual([saved.answer, 'completed']);
    expect(usage?.totalTokens).toBe(saved.usage.total_tokens);
    expect(saved.session_id).toBe(session_id);
  });

  it('goes on in one session, by its name or by the id of its session', async () => {
    const id = newId();
    const { chat, answer } = await ask(id, 'Who are you?');
    await chat.sendMessage({ text: 'Since when?' });
    const { session_id } = answer.metadata ?? {};
    const other = new Chat(session_id ?? '', { body: { character_id: undefined } });
    await other.sendMessage({ text: 'And before?' });

    expect(lastOf(chat).metadata?.session_id).toBe(session_id);
    expect(lastOf(other).metadata?.session_id).toBe(session_id);
    expect(questions().at(-1)?.['conversation_id']).toBe(questions().at(-2)?.['conversation_id']);
    const history = await historyOf(id);
    expect(history.map(textIn)).toEqual([...chat.messages.map(textIn), 'And before?', textIn(lastOf(other))]);
    expect(history[1]).toMatchObject({ id: answer.id, metadata: answer.metadata });
  });

  it('takes a session that another API has begun', async () => {
    const [{ session_id }] = (await user.ask({ character_id: character, query: 'Hello?' })).body.data;
    const chat = new Chat(session_id, { messages: await historyOf(session_id) });
    await chat.sendMessage({ text: 'Are you still here?' });

    expect(lastOf(chat).metadata?.session_id).toBe(session_id);
    expect(chat.messages).toHaveLength(4);
  });

  it('keeps its name across restarts, and for each user', async () => {
    const id = newId();
    const other = await app.createUser();
    const { answer } = await ask(id, 'Who are you?');
    await app.killAndRestart();
    const [again, theirs] = [await ask(id, 'Still you?'), new Chat(id, { client: other })];
    await theirs.sendMessage({ text: 'And you?' });

    expect(again.answer.metadata?.session_id).toBe(answer.metadata?.session_id);
    expect(lastOf(theirs).metadata?.session_id).not.toBe(answer.metadata?.session_id);
    expect(await historyOf(id, other)).toHaveLength(2);
  });

  it("begins a session of its own if its id is that of another user's session", async () => {
    const { answer } = await ask(newId(), 'Who are you?');
    const theirs = answer.metadata?.session_id ?? '';
    const other = await app.createUser();
    const chat = new Chat(theirs, { client: other });

    expect((await other.get(`/api/ai-sdk/chat/${theirs}`)).status).toBe(404);
    await chat.sendMessage({ text: 'Whose is it?' });
    expect(lastOf(chat).metadata?.session_id).not.toBe(theirs);
    expect(await historyOf(theirs, other)).toHaveLength(2);
    expect(await historyOf(theirs)).toHaveLength(2);
  });

  it('begins one session when two devices begin it together', async () => {
    const id = newId();
    const chats = [new Chat(id), new Chat(id)];
    await Promise.all(chats.map((chat) => chat.sendMessage({ text: 'Who is first?' })));

    const { body } = await user.get(`/api/ai-sdk/chat/${id}`);
    const sessions = new Set((body as Message[]).map(({ metadata }) => metadata?.session_id));
    expect(sessions.size).toBe(1);
  });

  it('begins anew under its name after it was deleted', async () => {
    const id = newId();
    const { answer } = await ask(id, 'Who are you?');
    await user.request('DELETE', `/api/chat/sessions/${answer.metadata?.session_id}`);

    expect((await user.get(`/api/ai-sdk/chat/${id}`)).status).toBe(404);
    expect((await ask(id, 'Who is there?')).answer.metadata?.session_id).not.toBe(
      answer.metadata?.session_id,
    );
  });

  it('shows an error of the answer as a public sentence', async () => {
    app.dify.next('error-after-deltas');
    const { chat } = await ask(newId(), 'Does it work?');

    expect(chat.status).toBe('error');
    expect(chat.error?.message).toMatch(/^[A-Z][^{]*\.$/u);
  });

  it('finishes with content-filter when moderation takes the answer back', async () => {
    app.dify.script(async (reply) => {
      await reply.say('This is forbidden');
      await reply.replace('Let us change the subject.');
      await reply.end();
    });
    const id = newId();
    const { text } = await user.request('POST', '/api/ai-sdk/chat', {
      body: {
        id,
        character_id: character,
        messages: [{ role: 'user', parts: [{ type: 'text', text: 'What is it?' }] }],
      },
    });

    expect(text).toContain('"finishReason":"content-filter"');
    expect((await historyOf(id)).map(textIn)).toEqual(['What is it?', 'Let us change the subject.']);
  });

  it('sends files that the character takes', async () => {
    const chat = new Chat(newId());
    const url = `data:image/png;base64,${pixel.toString('base64')}`;
    const files = [{ type: 'file' as const, mediaType: 'image/png', filename: 'sea.png', url }];
    await chat.sendMessage({ text: 'What is it?', files });

    expect(questions().at(-1)?.['files']).toMatchObject([{ type: 'image' }]);
    const address = [{ ...files[0], url: 'https://example.com/a.png' }] as typeof files;
    await chat.sendMessage({ text: 'And this?', files: address });
    expect(chat.error?.message).toContain('fetches no address');
  });

  it('shows the files of its questions in its history, after a restart', async () => {
    const chat = new Chat(newId());
    const url = `data:image/png;base64,${pixel.toString('base64')}`;
    const file = { type: 'file' as const, mediaType: 'image/png', filename: 'sea.png' };
    await chat.sendMessage({ text: 'What is it?', files: [{ ...file, url }] });
    await app.killAndRestart();

    const [question, answer] = await historyOf(chat.id);
    expect(question?.parts).toEqual([
      { type: 'text', text: 'What is it?' },
      { ...file, url: '' },
    ]);
    expect(answer?.parts).toEqual([{ type: 'text', text: textIn(lastOf(chat)) }]);
    await validateUIMessages({ messages: await historyOf(chat.id) });
  });

  it('joins the answer of the first request when its key is repeated', async () => {
    const body = {
      id: newId(),
      character_id: character,
      message: { role: 'user', parts: [{ type: 'text', text: 'Once?' }] },
    };
    const headers = { 'Idempotency-Key': randomUUID() };
    const send = () => user.request('POST', '/api/ai-sdk/chat', { body, headers });
    const [first, second] = [await send(), await send()];

    const idIn = ({ text }: { text: string }) => /"messageId":"([^"]+)"/u.exec(text)?.[1];
    expect(idIn(second)).toBe(idIn(first));
    expect(second.headers.get('Idempotent-Replayed')).toBe('true');
    expect(first.headers.get('x-vercel-ai-ui-message-stream')).toBe('v1');
  });

  it.each([
    ['no character for a new chat', { character_id: undefined }],
    ['no question', { messages: [] }],
    ['an empty question', { messages: [{ role: 'user', parts: [] }] }],
    ['an answer at its end', { messages: [{ role: 'assistant', parts: [{ type: 'text', text: 'Hi' }] }] }],
    ['a wrong id', { id: 7 }],
  ])('is refused with 400 if it has %s', async (_what, changes) => {
    const messages = [{ role: 'user', parts: [{ type: 'text', text: 'Hello?' }] }];
    const body = { id: newId(), character_id: character, messages, ...changes };

    expect((await user.request('POST', '/api/ai-sdk/chat', { body })).status).toBe(400);
  });

  it('is refused with 400 if another character answers in it', async () => {
    const other = await app.admin.createCharacter({ name: 'The pirate', prompt: 'You sail.' });
    const { chat } = await ask(newId(), 'Who are you?');
    const wrong = new Chat(chat.id, { body: { character_id: other.documentId } });
    await wrong.sendMessage({ text: 'And you?' });

    expect(wrong.error?.message).toContain('another character');
  });
});

describe('a chat that asks again', () => {
  it('gets another answer in the same session, which takes the place of the first', async () => {
    const id = newId();
    const { chat, answer } = await ask(id, 'Tell me a joke.');
    await chat.regenerate();

    const again = lastOf(chat);
    expect(again.metadata?.session_id).toBe(answer.metadata?.session_id);
    expect(again.id).not.toBe(answer.id);
    expect(chat.messages).toHaveLength(2);
    expect((await historyOf(id)).map((one) => one.id)).toEqual([expect.any(String), again.id]);
  });

  it('can name the answer, also one that is not the last', async () => {
    const { chat, answer } = await ask(newId(), 'Tell me a joke.');
    await chat.sendMessage({ text: 'And another one.' });
    await chat.regenerate({ messageId: answer.id });

    expect(questions().at(-1)?.['query']).toBe('Tell me a joke.');
    expect(chat.messages).toHaveLength(2);
  });

  it('asks the question that failed, if that is the last', async () => {
    const { chat } = await ask(newId(), 'Tell me a joke.');
    app.dify.next('refuse');
    await chat.sendMessage({ text: 'Explain it.' });
    expect(chat.status).toBe('error');
    await chat.regenerate();

    expect(questions().at(-1)?.['query']).toBe('Explain it.');
    expect(chat.messages).toHaveLength(4);
  });

  it('keeps the old answer if the new try fails without a text', async () => {
    const id = newId();
    const { chat, answer } = await ask(id, 'Tell me a joke.');
    app.dify.next('refuse');
    await chat.regenerate();
    expect(chat.status).toBe('error');
    expect((await historyOf(id)).map(textIn)).toEqual(['Tell me a joke.', textIn(answer)]);

    await chat.regenerate();
    expect((await historyOf(id)).map((one) => one.id)).toEqual([expect.any(String), lastOf(chat).id]);
  });

  it('can change a question, which supersedes the old one', async () => {
    const id = newId();
    const { chat } = await ask(id, 'Who are you?');
    await chat.sendMessage({ text: 'Since when?' });
    await chat.sendMessage({ text: 'Until when?', messageId: chat.messages[2]?.id ?? '' });

    expect((await historyOf(id)).map(textIn)).toEqual(chat.messages.map(textIn));
    expect(chat.messages.map(textIn)).toContain('Until when?');
    expect(chat.messages.map(textIn)).not.toContain('Since when?');
  });

  it('gets 404 if it is unknown', async () => {
    const body = { id: newId(), trigger: 'regenerate-message', character_id: character };
    const reply = await user.request('POST', '/api/ai-sdk/chat', { body });

    expect([reply.status, reply.body.error.details.code]).toEqual([404, 'session-not-found']);
  });
});

describe('a chat whose answer runs', () => {
  it('is resumed in the middle of its answer, by another page', async () => {
    const tellRest = beginTale();
    const id = newId();
    const first = new Chat(id);
    const asked = first.sendMessage({ text: 'Tell a tale.' });
    await until(() => textIn(first.lastMessage) === 'Once upon ');
    const second = new Chat(id, { messages: await historyOf(id) });
    expect(second.messages.map(textIn)).toEqual(['Tell a tale.']);
    const resumed = second.resumeStream();
    await until(() => textIn(second.lastMessage) === 'Once upon ');
    tellRest();
    await Promise.all([asked, resumed]);

    expect(second.messages.map(textIn)).toEqual(['Tell a tale.', 'Once upon a time.']);
    expect(lastOf(second)).toEqual(lastOf(first));
  });

  it('is resumed by the same page after it has left, without doubling the text', async () => {
    const tellRest = beginTale();
    const chat = new Chat(newId());
    const asked = chat.sendMessage({ text: 'Tell a tale.' });
    await until(() => textIn(chat.lastMessage) === 'Once upon ');
    await chat.stop();
    await asked;
    const resumed = chat.resumeStream();
    await until(() => chat.status === 'streaming');
    tellRest();
    await resumed;

    expect(chat.messages.map(textIn)).toEqual(['Tell a tale.', 'Once upon a time.']);
  });

  it('is stopped for all its clients, and is not resumed then', async () => {
    beginTale();
    const id = newId();
    const chat = new Chat(id);
    const asked = chat.sendMessage({ text: 'Tell a tale.' });
    await until(() => textIn(chat.lastMessage) === 'Once upon ');
    expect((await stop(id)).status).toBe(204);
    await asked;

    expect(chat.status).toBe('ready');
    expect(lastOf(chat)).toMatchObject({ metadata: { outcome: 'stopped' } });
    expect((await historyOf(id)).at(-1)).toMatchObject({ metadata: { outcome: 'stopped' } });
    await chat.resumeStream();
    expect(chat.messages).toHaveLength(2);
    expect(chat.status).toBe('ready');
  });

  it('is stopped although the stop overtakes the body of its question', async () => {
    beginTale();
    const id = newId();
    const body = JSON.stringify({
      id,
      character_id: character,
      message: { role: 'user', parts: [{ type: 'text', text: 'Tell a tale.' }] },
    });
    const headers = {
      Authorization: `Bearer ${user.token}`,
      'Content-Type': 'application/json',
      'Content-Length': body.length,
    };
    const request = http.request(`${app.url}/api/ai-sdk/chat`, { method: 'POST', headers });
    request.write(body.slice(0, 10));
    // The server answers other requests of the user meanwhile, so it has checked the login of this one.
    for (let count = 0; count < 10; count += 1) await historyOf(id).catch(() => undefined);
    expect((await stop(id)).status).toBe(204);
    request.end(body.slice(10));
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];

    expect(await readText(response)).toContain('"outcome":"stopped"');
    expect((await historyOf(id)).at(-1)).toMatchObject({ metadata: { outcome: 'stopped' } });
  });

  it('answers the next question after the client has left, and stops the first answer', async () => {
    beginTale();
    const id = newId();
    const chat = new Chat(id);
    const asked = chat.sendMessage({ text: 'Tell a tale.' });
    await until(() => textIn(chat.lastMessage) === 'Once upon ');
    await chat.stop();
    await asked;
    await chat.sendMessage({ text: 'A shorter one.' });

    expect(chat.error).toBeUndefined();
    const outcomes = (await historyOf(id)).map(({ metadata }) => metadata?.outcome);
    expect(outcomes).toEqual([null, 'stopped', null, 'completed']);
  });

  it('refuses a question with 409 while a client reads the answer', async () => {
    beginTale();
    const id = newId();
    const chat = new Chat(id);
    const asked = chat.sendMessage({ text: 'Tell a tale.' });
    await until(() => textIn(chat.lastMessage) === 'Once upon ');
    const { chat: second } = await ask(id, 'A shorter one.').catch(() => ({ chat: undefined }));

    expect(second?.error?.message).toContain('turn-in-progress');
    await stop(id);
    await asked;
  });
});

describe('a chat whose answer does not run', () => {
  it("is 204 to a resume and to a stop, as an unknown chat and another user's are", async () => {
    const { chat, answer } = await ask(newId(), 'Who are you?');
    const other = await app.createUser();
    for (const [client, id] of [
      [user, chat.id],
      [user, newId()],
      [other, chat.id],
      [other, answer.metadata?.session_id],
    ] as const) {
      expect((await client.get(`/api/ai-sdk/chat/${id}/stream`)).status).toBe(204);
      expect((await client.request('POST', `/api/ai-sdk/chat/${id}/stop`)).status).toBe(204);
    }
  });

  it("lets nobody stop another user's answer", async () => {
    const tellRest = beginTale();
    const id = newId();
    const other = await app.createUser();
    const chat = new Chat(id);
    const asked = chat.sendMessage({ text: 'Tell a tale.' });
    await until(() => textIn(chat.lastMessage) === 'Once upon ');
    await other.request('POST', `/api/ai-sdk/chat/${chat.lastMessage?.metadata?.session_id}/stop`);
    expect((await other.get(`/api/ai-sdk/chat/${id}/stream`)).status).toBe(204);
    tellRest();
    await asked;

    expect(lastOf(chat)).toMatchObject({ metadata: { outcome: 'completed' } });
  });
});

describe('a chat whose question waits for the upstream', () => {
  it('gets its place, which is in no message', async () => {
    const busy = await startApp({ env: { DIFY_ANSWERS_AT_ONCE: '1' } });
    const client = await busy.createUser();
    const { documentId } = await busy.admin.createCharacter();
    let goOn = () => {};
    const isAllowed = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    busy.dify.script(async (reply) => {
      await reply.say('First.');
      await isAllowed;
      await reply.end();
    });
    const parts: object[] = [];
    const body = { character_id: documentId };
    const [first, second] = [
      new Chat(newId(), { client, body, url: busy.url }),
      new Chat(newId(), { client, body, url: busy.url, onData: (part) => void parts.push(part) }),
    ];
    const asked = first.sendMessage({ text: 'Who is first?' });
    await until(() => textIn(first.lastMessage) === 'First.');
    const waiting = second.sendMessage({ text: 'Who is second?' });
    await until(() => parts.length > 0);
    expect(parts[0]).toEqual({ type: 'data-queued', data: { place: 1 }, transient: true });
    goOn();
    await Promise.all([asked, waiting]);

    expect(lastOf(second).metadata?.outcome).toBe('completed');
    expect(lastOf(second).parts.map(({ type }) => type)).toEqual(['text']);
    await busy.stop();
  });
});
