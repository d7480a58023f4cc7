/** Clients of OpenAI's API that people use already, unmodified, as their quick starts show them. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText, type ModelMessage } from 'ai';
import OpenAI, { RateLimitError } from 'openai';
import OpenAI5 from 'openai5';

import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';

let app: App;
let user: Client;
let model: string;
let baseURL: string;

beforeAll(async () => {
  app = await startApp();
  baseURL = `${app.url}/api/openai/v1`;
  ({ documentId: model } = await app.admin.createCharacter({
    name: 'The keeper',
    prompt: 'You keep a light.',
  }));
});
afterAll(() => app.stop());
beforeEach(async () => {
  user = await app.createUser();
});

/** Returns the answers that the server has saved of each session of the user, oldest first. */
async function savedAnswers(): Promise<readonly (readonly string[])[]> {
  const { body } = await user.post('/api/chat/sessions', {});
  const sessions = body.data as readonly { session_id: string }[];
  const lists = sessions.map(({ session_id }) => user.get(`/api/conversations/${session_id}/messages`));
  return (await Promise.all(lists)).map((list) =>
    (list.body as { role: string; content: string }[])
      .filter(({ role }) => role === 'assistant')
      .map(({ content }) => content),
  );
}

describe('openai 5', () => {
  it('lists models, and holds a dialogue in one session, with and without a stream', async () => {
    const openai = new OpenAI5({ baseURL, apiKey: user.token ?? '' });
    const messages: OpenAI5.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Who are you?' }];
    const completion = await openai.chat.completions.create({ model, messages });
    const answer = completion.choices[0]?.message.content ?? '';
    messages.push({ role: 'assistant', content: answer }, { role: 'user', content: 'Since when?' });
    let streamed = '';
    for await (const chunk of await openai.chat.completions.create({ model, messages, stream: true }))
      streamed += chunk.choices[0]?.delta.content ?? '';

    expect((await openai.models.list()).data.map(({ id }) => id)).toEqual([model]);
    expect(await savedAnswers()).toEqual([[answer, streamed]]);
    await expect(openai.models.retrieve('unknown')).rejects.toBeInstanceOf(OpenAI5.NotFoundError);
  });

  it('takes a function that returns a fresh login, as openai 6 does', async () => {
    const openai = new OpenAI5({ baseURL, apiKey: async () => user.token ?? '' });

    expect((await openai.models.list()).data).toHaveLength(1);
  });
});

describe('@ai-sdk/openai-compatible', () => {
  it('generates and streams texts of one session, with their usage', async () => {
    const provider = createOpenAICompatible({
      name: 'characters',
      baseURL,
      apiKey: user.token ?? '',
      includeUsage: true,
    });
    const messages: ModelMessage[] = [{ role: 'user', content: 'Who are you?' }];
    const first = await generateText({ model: provider(model), system: 'Be kind.', messages });
    messages.push(...first.response.messages, { role: 'user', content: 'Since when?' });
    const second = streamText({ model: provider(model), messages });
    let streamed = '';
    for await (const text of second.textStream) streamed += text;

    expect(await savedAnswers()).toEqual([[first.text, streamed]]);
    expect(first.usage.totalTokens).toBeGreaterThan(0);
    expect((await second.usage).totalTokens).toBeGreaterThan(0);
    expect(await second.finishReason).toBe('stop');
  });

  it('throws the error of an unknown model', async () => {
    const provider = createOpenAICompatible({ name: 'characters', baseURL, apiKey: user.token ?? '' });
    const asked = generateText({ model: provider('unknown'), prompt: 'Who are you?' });

    await expect(asked).rejects.toMatchObject({ statusCode: 404, message: expect.stringContaining('model') });
  });
});

describe('chatgpt 5', () => {
  it('holds a dialogue in one session, although it sends the date with each question', async () => {
    const script = path.join(__dirname, '../support/chatgpt-client.mjs');
    const args = [script, user.token ?? '', baseURL, model];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const { first, second, streamed, refused } = JSON.parse(stdout) as {
      readonly first: { readonly text: string };
      readonly second: { readonly text: string };
      readonly streamed: string;
      readonly refused: number;
    };

    expect(await savedAnswers()).toEqual([[first.text, second.text]]);
    expect(streamed).toBe(second.text);
    expect(refused).toBe(401);
  });
});

describe('an error for clients of OpenAI', () => {
  it.each([
    ['GET', '/chat/completions', 405, 'invalid_request_error'],
    ['POST', '/embeddings', 404, 'invalid_request_error'],
    ['GET', '/models/unknown', 404, 'invalid_request_error'],
  ])('has its shape for %s %s: %s', async (method, path, status, type) => {
    const { status: got, body } = await user.request(method, `/api/openai/v1${path}`);

    expect(got).toBe(status);
    expect(Object.keys(body.error).sort()).toEqual(['code', 'message', 'param', 'type']);
    expect(body.error).toMatchObject({ type, param: null, message: expect.any(String) });
  });

  it('is not retried by the package if it has to wait for the next day', async () => {
    const limited = await startApp({ env: { CHAT_TOKENS_PER_DAY: '1' } });
    const { token = '' } = await limited.createUser();
    const { documentId } = await limited.admin.createCharacter();
    const requests: Response[] = [];
    const openai = new OpenAI({
      baseURL: `${limited.url}/api/openai/v1`,
      apiKey: token,
      maxRetries: 2,
      async fetch(url, init) {
        const response = await fetch(url, init);
        requests.push(response);
        return response;
      },
    });
    const ask = () =>
      openai.chat.completions.create({ model: documentId, messages: [{ role: 'user', content: 'Who?' }] });
    await ask();
    const refused = ask();
    await expect(refused).rejects.toBeInstanceOf(RateLimitError);
    await expect(refused).rejects.toMatchObject({ status: 429, code: 'insufficient_quota' });

    expect(requests).toHaveLength(2);
    const headers = requests.at(-1)?.headers;
    expect(headers?.get('x-should-retry')).toBe('false');
    expect(Number(headers?.get('Retry-After'))).toBeGreaterThan(60);
    await limited.stop();
  });
});

describe('a page of another origin', () => {
  it("may send the package's headers, and may read which errors it must not retry", async () => {
    const origin = 'https://app.example';
    const pages = await startApp({ env: { CORS_ORIGINS: origin } });
    const names = 'authorization, content-type, x-stainless-helper-method, x-stainless-retry-count';
    const url = `${pages.url}/api/openai/v1/models`;
    const preflight = await fetch(url, {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': names,
      },
    });
    const reply = await fetch(url, { headers: { Origin: origin } });

    expect(preflight.headers.get('Access-Control-Allow-Headers')?.toLowerCase()).toContain(
      'x-stainless-helper-method',
    );
    const exposed = reply.headers.get('Access-Control-Expose-Headers')?.toLowerCase().split(',');
    expect(exposed).toEqual(expect.arrayContaining(['retry-after', 'x-should-retry']));
    await pages.stop();
  });
});
