import OpenAI, { APIError } from 'openai';

import { thrown } from '../chat/support/collect';
import { faults, startOpenAiEmulator, type OpenAiEmulator } from './index';

let openai: OpenAiEmulator;

beforeEach(async () => {
  openai = await startOpenAiEmulator();
});

afterEach(() => openai.close());

function client(apiKey = openai.apiKey): OpenAI {
  return new OpenAI({ baseURL: openai.url, apiKey, maxRetries: 0 });
}

const question = {
  model: 'emulated-model',
  messages: [
    { role: 'system', content: 'You are Ada, a lighthouse keeper.' },
    { role: 'user', content: 'How is the sea? 大海 🌊' },
  ],
} satisfies Pick<OpenAI.Chat.ChatCompletionCreateParams, 'model' | 'messages'>;

async function stream(): Promise<{ text: string; reasons: unknown[]; tokens: number | undefined }> {
  const chunks = await client().chat.completions.create({
    ...question,
    stream: true,
    stream_options: { include_usage: true },
  });
  const read = { text: '', reasons: [] as unknown[], tokens: undefined as number | undefined };
  for await (const { choices, usage } of chunks) {
    read.text += choices[0]?.delta.content ?? '';
    if (choices[0]?.finish_reason) read.reasons.push(choices[0].finish_reason);
    read.tokens = usage?.total_tokens ?? read.tokens;
  }
  return read;
}

describe('the emulator, asked by the official client', () => {
  it('streams the answer of the character, its finish reason and its usage', async () => {
    const { text, reasons, tokens } = await stream();
    expect(text).toContain('我是Ada');
    expect(text).toContain('大海 🌊');
    expect(reasons).toEqual(['stop']);
    expect(tokens).toBeGreaterThan(20);
  });

  it('sends the same answer as one object', async () => {
    const { text } = await stream();
    const completion = await client().chat.completions.create(question);
    expect(completion.choices[0]?.message.content).toBe(text);
    expect(completion.usage?.prompt_tokens).toBe(20);
  });

  it('remembers the earlier questions of a request', async () => {
    const messages = [
      { role: 'user' as const, content: 'Who are you?' },
      { role: 'assistant' as const, content: 'Ada.' },
      ...question.messages.slice(1),
    ];
    const completion = await client().chat.completions.create({ ...question, messages });
    expect(completion.choices[0]?.message.content).toContain('Who are you?');
  });

  it('lists its models', async () => {
    const models = await client().models.list();
    expect(models.data.map(({ id }) => id)).toEqual(['emulated-model']);
  });

  it.each([
    ['a wrong key', () => client('sk-wrong').models.list(), 401, 'invalid_api_key'],
    [
      'an unknown model',
      () => client().chat.completions.create({ ...question, model: 'other' }),
      404,
      'model_not_found',
    ],
    ['no messages', () => client().chat.completions.create({ ...question, messages: [] }), 400, null],
  ])('refuses %s', async (_name, ask, status, code) => {
    const error = await thrown(async () => void (await ask()));
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ status, code });
  });

  it('queues a fault for one question', async () => {
    openai.next(faults.refuses(429, { code: 'rate_limit_exceeded' }, '7'));
    expect(await thrown(stream())).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
    expect((await stream()).reasons).toEqual(['stop']);
  });

  it.each([
    ['each byte as its own chunk', faults.splitEveryByte()],
    ['characters split between chunks', faults.splitCharacters()],
    ['CRLF', faults.crlf()],
    ['comments', faults.comments()],
    ['reasoning', faults.reasoning()],
  ])('sends the same answer with %s', async (_name, fault) => {
    const { text } = await stream();
    openai.next(fault);
    expect((await stream()).text).toBe(text);
  });

  it('reports an error in the stream', async () => {
    openai.next(faults.errorInStream(2, { message: 'Overloaded', code: 'server_error' }));
    expect(await thrown(stream())).toMatchObject({ code: 'server_error' });
  });

  it('reports the error of a script when it closes', async () => {
    const mistake = new Error('a mistake');
    const own = await startOpenAiEmulator();
    own.next(() => {
      throw mistake;
    });
    const asked = new OpenAI({ baseURL: own.url, apiKey: own.apiKey, maxRetries: 0 });
    await thrown(async () => void (await asked.chat.completions.create(question)));
    await expect(own.close()).rejects.toBe(mistake);
  });
});
