import { ChatError } from '../../../src/chat/errors';
import {
  toCompletionRecord,
  toErrorRecord,
  type ChatCompletion,
  type FailedCompletion,
} from '../../../src/history/records/completion';
import { thrown } from '../../chat/support/collect';

const completion: ChatCompletion = {
  conversationId: 'conv_123456789',
  userId: 1,
  tokenId: 2,
  channelId: 3,
  model: 'gpt-3.5-turbo',
  messages: [{ role: 'user', content: 'Hello, how are you?' }],
  response: {
    id: 'chatcmpl-1',
    choices: [{ message: { role: 'assistant', content: 'Well, thank you.' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 15, completion_tokens: 25, total_tokens: 40 },
  },
};

const failure: FailedCompletion = {
  conversationId: 'conv_error_123',
  userId: 1,
  model: 'gpt-4',
  messages: [{ role: 'user', content: 'Fail.' }],
  errorCode: 400,
  errorMessage: 'Invalid request: content filter triggered',
};

describe('toCompletionRecord', () => {
  it('keeps the whole request and the whole response', () => {
    const createdAt = new Date('2025-01-15T12:00:00Z');
    const price = { amount: '0.0012', currency: 'USD' };
    const given = {
      ...completion,
      recordId: 'mine',
      createdAt,
      latencyMs: 800,
      firstTokenMs: 90,
      price,
      characterId: 'doc',
    };
    expect(toCompletionRecord(given)).toEqual({
      recordId: 'mine',
      conversationId: 'conv_123456789',
      userId: 1,
      formerUserId: null,
      characterId: 'doc',
      tokenId: 2,
      channelId: 3,
      model: 'gpt-3.5-turbo',
      messages: completion.messages,
      response: completion.response,
      usage: {
        promptTokens: 15,
        completionTokens: 25,
        totalTokens: 40,
        priceNanos: 1_200_000,
        currency: 'USD',
      },
      latencyMs: 800,
      firstTokenMs: 90,
      error: null,
      createdAt,
    });
  });

  it('understands modelName, the name of the contract, for the model', () => {
    const { model: _model, ...rest } = completion;
    expect(toCompletionRecord({ ...rest, modelName: 'gpt-4' }).model).toBe('gpt-4');
    const { model: _other, ...failed } = failure;
    expect(toErrorRecord({ ...failed, modelName: 'gpt-4' }).model).toBe('gpt-4');
  });

  it('refuses a completion without a model', async () => {
    const { model: _model, ...rest } = completion;
    const refusal = { code: 'invalid-request', message: 'model must name the model.' };
    expect(await thrown(() => toCompletionRecord(rest as ChatCompletion))).toMatchObject(refusal);
  });

  it('creates an id and a time when the caller gives none', () => {
    const records = [toCompletionRecord(completion), toCompletionRecord(completion)];
    expect(new Set(records.map(({ recordId }) => recordId)).size).toBe(2);
    expect(Math.abs(Date.now() - (records[0]?.createdAt.getTime() ?? 0))).toBeLessThan(5_000);
  });

  it('accepts missing usage, and adds up a missing total', () => {
    const { choices } = completion.response;
    const tokens = (usage: ChatCompletion['response']['usage']) =>
      toCompletionRecord({ ...completion, response: { choices, ...(usage !== undefined && { usage }) } })
        .usage.totalTokens;
    expect([tokens(undefined), tokens(null), tokens({ prompt_tokens: 2, completion_tokens: 3 })]).toEqual([
      0, 0, 5,
    ]);
  });

  it('replaces characters that a database refuses', () => {
    const messages = [{ role: 'user', content: 'nul \0 and half a \ud83d' }];
    expect(toCompletionRecord({ ...completion, messages }).messages).toEqual([
      { role: 'user', content: 'nul \ufffd and half a \ufffd' },
    ]);
    const response = { choices: [{ message: { role: 'assistant', content: 'nul \0' } }] };
    expect(toCompletionRecord({ ...completion, response }).response).toEqual({
      choices: [{ message: { role: 'assistant', content: 'nul \ufffd' } }],
    });
  });

  it('keeps the given total even if it exceeds the sum of both counts', () => {
    const usage = { prompt_tokens: 2, completion_tokens: 3, total_tokens: 9 };
    const response = { ...completion.response, usage };
    expect(toCompletionRecord({ ...completion, response }).usage.totalTokens).toBe(9);
  });

  it('accepts a response with log probabilities', () => {
    const token = { token: 'Well', logprob: -0.1, bytes: [87, 101, 108, 108] };
    const choices = completion.response.choices.map((choice) => ({
      ...choice,
      logprobs: { content: [{ ...token, top_logprobs: [token] }], refusal: null },
    }));
    const response = { ...completion.response, choices };
    expect(toCompletionRecord({ ...completion, response }).response).toEqual(response);
  });

  it('throws invalid-request for a recordId without createdAt', async () => {
    // @ts-expect-error Without createdAt, each retry would get another time.
    const error = (await thrown(() => toCompletionRecord({ ...completion, recordId: 'mine' }))) as ChatError;
    expect([error.code, error.message]).toEqual([
      'invalid-request',
      'createdAt must be given with recordId: both are the same for every try.',
    ]);
  });

  const nested = (depth: number): unknown => (depth === 0 ? 'deep' : [nested(depth - 1)]);

  it.each<[string, unknown]>([
    ['conversationId', { conversationId: '' }],
    ['conversationId', { conversationId: 'x'.repeat(256) }],
    ['userId', { userId: 0 }],
    ['userId', { userId: 1.5 }],
    ['userId', { userId: 2 ** 31 }],
    ['tokenId', { tokenId: 2 ** 31 }],
    ['latencyMs', { latencyMs: 2 ** 31 }],
    ['messages', { messages: [] }],
    ['messages', { messages: 'Hello' }],
    ['messages.0.role', { messages: [{ content: 'Hello' }] }],
    ['messages.0.content', { messages: [{ role: 'user', content: 7 }] }],
    ['messages', { messages: [{ role: 'user', content: nested(1_000) }] }],
    ['response', { response: { ...completion.response, nested: nested(1_000) } }],
    ['response.choices', { response: { choices: [] } }],
    ['response.usage.prompt_tokens', { response: { ...completion.response, usage: { prompt_tokens: -1 } } }],
    ['price.amount', { price: { amount: 'free', currency: 'USD' } }],
    ['price.currency', { price: { amount: '1', currency: 'dollars' } }],
    ['recordId', { recordId: 'x'.repeat(65) }],
    ['createdAt', { createdAt: '2025-01-15' }],
    ['createdAt', { createdAt: new Date(Number.NaN) }],
  ])('throws invalid-request for a wrong %s', async (field, changes) => {
    const wrong = { ...completion, ...(changes as object) };
    const error = (await thrown(() => toCompletionRecord(wrong))) as ChatError;
    expect([error.code, error.message.split(' ')[0]]).toEqual(['invalid-request', field]);
  });
});

describe('toErrorRecord', () => {
  it('keeps the request and the error', () => {
    expect(toErrorRecord(failure)).toMatchObject({
      response: null,
      usage: { totalTokens: 0, priceNanos: 0, currency: '' },
      error: {
        code: '400',
        message: 'Invalid request: content filter triggered',
        phase: 'before-answer',
        partialText: '',
      },
    });
  });

  it('keeps the partial text', () => {
    expect(toErrorRecord({ ...failure, partialText: 'I am' }).error).toMatchObject({
      phase: 'during-answer',
      partialText: 'I am',
    });
  });

  it('replaces characters that a database refuses', () => {
    const given = { errorMessage: 'nul \0', partialText: 'half a \ud83d' };
    expect(toErrorRecord({ ...failure, ...given }).error).toMatchObject({
      message: 'nul \ufffd',
      partialText: 'half a \ufffd',
    });
  });

  it('cuts a long error message, and never splits a character', () => {
    const message = (errorMessage: string) => toErrorRecord({ ...failure, errorMessage }).error?.message;
    expect(message('x'.repeat(10_000))).toHaveLength(10_000);
    expect(message('x'.repeat(20_000))).toBe('x'.repeat(10_000));
    expect(message(`${'x'.repeat(9_999)}😀`)).toBe('x'.repeat(9_999));
    expect(message(`${'x'.repeat(9_998)}😀 and more`)).toBe(`${'x'.repeat(9_998)}😀`);
  });

  it('throws for a recordId without createdAt', async () => {
    // @ts-expect-error Without createdAt, each retry would get another time.
    const error = (await thrown(() => toErrorRecord({ ...failure, recordId: 'mine' }))) as ChatError;
    expect(error.message).toMatch(/^createdAt must be given with recordId/u);
  });

  it.each([{ errorCode: '' }, { errorCode: null }, { errorMessage: 7 }])(
    'throws ChatError for %j',
    async (changes) => {
      const error = await thrown(() => toErrorRecord({ ...failure, ...changes } as FailedCompletion));
      expect(error).toBeInstanceOf(ChatError);
    },
  );
});
