/** One turn, asked through each API and read through all others. */
import OpenAI from 'openai';

import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { connect } from '../support/socket-client';

let app: App;
let user: Client;
let character: string;

beforeAll(async () => {
  app = await startApp();
  ({ documentId: character } = await app.admin.createCharacter({ name: 'Ada', prompt: 'You are Ada.' }));
});
afterAll(() => app.stop());
beforeEach(async () => {
  user = await app.createUser();
});

/** A turn as an API shows it. An API leaves out what it does not show. */
interface Shown {
  readonly answer: string;
  readonly tokens?: number;
  readonly turnId?: string;
  readonly sessionId?: string;
  /** The `message_id` of the answer. */
  readonly messageId?: string;
}

const query = 'What do you see from up there?';
const path = () => `dify/${character}/v1`;
const openai = () => new OpenAI({ baseURL: `${app.url}/api/openai/v1`, apiKey: user.token ?? '' });
const newSession = async (): Promise<string> =>
  (await user.post('/api/chat/session', { character_id: character })).body.data.session_id;

interface SavedMessage {
  readonly answer: string;
  readonly usage: { readonly total_tokens: number };
  readonly turn_id: string;
  readonly session_id: string;
  readonly message_id: string;
}

const ofMessages = ([, saved]: readonly SavedMessage[]): Shown => {
  if (saved === undefined) throw new Error('The answer is missing.');
  const { answer, usage, turn_id: turnId, session_id: sessionId, message_id: messageId } = saved;
  return { answer, tokens: usage.total_tokens, turnId, sessionId, messageId };
};

async function askAsDify(address: string): Promise<Shown> {
  const body = { inputs: {}, query, user: 'anyone', response_mode: 'blocking' };
  const { task_id, message_id, answer, metadata } = (await user.post(address, body)).body;
  return { answer, tokens: metadata.usage.total_tokens, turnId: task_id, messageId: message_id };
}

/** Asks through an API. Each returns the turn as its reply shows it. */
const asking: Readonly<Record<string, () => Promise<Shown>>> = {
  'create-message': async () => ofMessages((await user.ask({ character_id: character, query })).body.data),
  'create-message with a stream': async () => {
    const events = await user.streamAll({ character_id: character, query });
    return ofMessages(events.at(-1)?.data.data);
  },
  'the session API': async () => {
    const body = { session_id: await newSession(), content: query, reply: true };
    const { reply, session_id } = (await user.post('/api/chat/message', body)).body.data;
    return {
      answer: reply.content,
      turnId: reply.turn_id,
      sessionId: session_id,
      messageId: reply.public_id,
    };
  },
  'the Dify API': () => askAsDify(`/api/${path()}/chat-messages`),
  'the API of the Dify console': () => askAsDify(`/console/api/apps/${character}/chat-messages`),
  'the OpenAI API': async () => {
    const messages = [{ role: 'user' as const, content: query }];
    const completion = await openai().chat.completions.create({ model: character, messages });
    const { session_id, turn_id } = (completion as unknown as { metadata: Record<string, string> }).metadata;
    return {
      answer: completion.choices[0]?.message.content ?? '',
      tokens: completion.usage?.total_tokens ?? 0,
      turnId: turn_id ?? '',
      sessionId: session_id ?? '',
    };
  },
  'the AI SDK': async () => {
    const message = { role: 'user', parts: [{ type: 'text', text: query }] };
    const body = { id: 'my chat', character_id: character, message };
    const { text } = await user.request('POST', '/api/ai-sdk/chat', { body });
    const parts = [...text.matchAll(/^data: (\{.*)$/gmu)].map(([, data = '']) => JSON.parse(data));
    const start = parts.find(({ type }) => type === 'start');
    const finish = parts.find(({ type }) => type === 'finish');
    return {
      answer: parts.map(({ delta = '' }) => delta).join(''),
      tokens: finish.messageMetadata.usage.totalTokens,
      turnId: start.messageId,
      sessionId: start.messageMetadata.session_id,
    };
  },
  'the WebSocket': async () => {
    const device = await connect(app.url, `/ws/${await newSession()}`, { token: user.token });
    device.send({ type: 'ask', query });
    const { data } = await device.until(({ event }) => event === 'message_end');
    await device.leave();
    return ofMessages(data);
  },
};

/** Reads the newest turn of a session through an API. */
const reading: Readonly<Record<string, (whole: Required<Shown>) => Promise<Shown>>> = {
  turns: async ({ turnId }) =>
    ofMessages((await user.get(`/api/chat-conversations/turns/${turnId}`)).body.data.messages),
  'the stream of a turn': async ({ turnId }) => {
    const { events } = await user.open('GET', `/api/chat-conversations/turns/${turnId}/stream`);
    for await (const { event, data } of events) if (event === 'message_end') return ofMessages(data.data);
    throw new Error('The stream has no end.');
  },
  'my-list': async ({ sessionId }) => {
    const filter = `filters[session_id]=${sessionId}&sort=createdAt:asc`;
    return ofMessages((await user.myList(`?${filter}`)).body.data);
  },
  'the session API': async ({ sessionId }) => {
    const { data } = (await user.get(`/api/chat/sessions/${sessionId}/messages`)).body;
    const { content, turn_id, public_id, session_id } = data.items.find(
      ({ role }: { role: string }) => role === 'assistant',
    );
    return { answer: content, turnId: turn_id, messageId: public_id, sessionId: session_id };
  },
  'the conversation API': async ({ sessionId }) => {
    const { body } = await user.get(`/api/conversations/${sessionId}/messages`);
    return { answer: body.at(-1).content, sessionId: body.at(-1).conversation_id };
  },
  'the Dify API': async ({ sessionId }) => {
    const { data } = (await user.get(`/api/${path()}/messages?conversation_id=${sessionId}`)).body;
    return { answer: data.at(-1).answer, messageId: data.at(-1).id };
  },
  'the API of the Dify console': async ({ sessionId }) => {
    const page = `/console/api/apps/${character}/chat-messages?conversation_id=${sessionId}`;
    const { answer, id, message_tokens, answer_tokens } = (await user.get(page)).body.data.at(-1);
    return { answer, messageId: id, tokens: message_tokens + answer_tokens };
  },
  'the AI SDK': async ({ sessionId }) => {
    const { id, parts, metadata } = (await user.get(`/api/ai-sdk/chat/${sessionId}`)).body.at(-1);
    const { session_id, usage } = metadata;
    return { answer: parts[0].text, turnId: id, sessionId: session_id, tokens: usage.totalTokens };
  },
  // This API reads nothing, but it finds the session by the text of the turn. It must be the last.
  'the OpenAI API': async ({ answer }) => {
    const completion = await openai().chat.completions.create({
      model: character,
      messages: [
        { role: 'user', content: query },
        { role: 'assistant', content: answer },
        { role: 'user', content: 'And behind it?' },
      ],
    });
    const { metadata } = completion as unknown as { metadata: Record<string, string> };
    return { answer, sessionId: metadata['session_id'] ?? '' };
  },
};

describe('a turn that is asked through', () => {
  it.each(Object.keys(asking))('%s shows the same text, usage and ids through all others', async (api) => {
    const asked = await asking[api]?.();
    const { body } = await user.get(`/api/chat-conversations/turns/${asked?.turnId}`);
    const whole = ofMessages(body.data.messages) as Required<Shown>;
    expect(whole).toMatchObject({ answer: expect.stringMatching(/./u), tokens: expect.any(Number) });
    expect(whole).toMatchObject({ ...asked });

    for (const [other, read] of Object.entries(reading)) {
      const shown = await read(whole);
      expect([other, { ...whole, ...shown }]).toEqual([other, whole]);
    }
  });
});
