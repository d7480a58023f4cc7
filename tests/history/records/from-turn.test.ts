import { chatErrors } from '../../../src/chat/errors';
import { toRecord } from '../../../src/history/records/from-turn';
import { finishedTurn } from '../support/memory-history-source';
import type { Usage } from '../../../src/chat/model/outcome';

const usageOf = (usage: Usage | null) => toRecord(finishedTurn({ usage }), 'dify').usage;

describe('a turn that went well', () => {
  it('is an OpenAI completion, with its question as messages', () => {
    const usage = {
      prompt_tokens: 12,
      completion_tokens: 30,
      total_tokens: 42,
      total_price: '0.0001234',
      currency: 'USD',
      latency: 1.5,
    };
    expect(toRecord(finishedTurn({ usage }), 'gpt-of-ours')).toEqual({
      recordId: 'turn-1',
      conversationId: 'session-1',
      userDocumentId: 'doc-ada',
      formerUserId: null,
      characterId: 'character-keeper',
      tokenId: null,
      channelId: null,
      model: 'gpt-of-ours',
      messages: [{ role: 'user', content: 'How is the sea?' }],
      response: {
        choices: [{ index: 0, message: { role: 'assistant', content: 'Calm.' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 12, completion_tokens: 30, total_tokens: 42 },
      },
      usage: {
        promptTokens: 12,
        completionTokens: 30,
        totalTokens: 42,
        priceNanos: 123_400,
        currency: 'USD',
      },
      latencyMs: 1_322,
      error: null,
      createdAt: new Date('2026-01-02T03:04:05.678Z'),
    });
  });

  it('and was stopped by its user is a success that says so', () => {
    const { response, error } = toRecord(finishedTurn({ outcome: 'stopped' }), 'dify');
    expect([error, response]).toMatchObject([null, { choices: [{ finish_reason: 'cancelled' }] }]);
  });
});

describe('a turn that did not', () => {
  it.each([
    ['failed', '', 'before-answer'],
    ['interrupted', 'Half an ', 'during-answer'],
  ] as const)('and is %s with the text %j is an error of %s', (outcome, answer, phase) => {
    const turn = finishedTurn({ outcome, answer, errorCode: 'upstream-timeout' });
    expect(toRecord(turn, 'dify')).toMatchObject({
      response: null,
      error: {
        code: 'upstream-timeout',
        message: chatErrors['upstream-timeout'].sentence,
        phase,
        partialText: answer,
      },
    });
  });

  it('has a code of ours, also where none is saved', () => {
    expect(toRecord(finishedTurn({ outcome: 'failed' }), 'dify').error?.code).toBe('internal');
  });

  it('as its process had died tells no latency', () => {
    const died = finishedTurn({ outcome: 'interrupted', errorCode: 'process-died' });
    expect(toRecord(died, 'dify').latencyMs).toBeNull();
  });
});

describe('the latency of a turn', () => {
  it.each([
    ['2026-01-02T03:04:05.678Z', 0],
    ['2026-03-02T03:04:05.678Z', 2_147_483_647],
    // By the clock of another process.
    ['2026-01-02T03:04:05.677Z', null],
  ])('that ended at %s is %p', (endedAt, latencyMs) => {
    expect(toRecord(finishedTurn({ endedAt: new Date(endedAt) }), 'dify').latencyMs).toBe(latencyMs);
  });
});

describe('usage', () => {
  const none = { promptTokens: 0, completionTokens: 0, totalTokens: 0, priceNanos: 0, currency: '' };

  it('is nothing where there is none', () => {
    expect(usageOf(null)).toEqual(none);
    expect(usageOf({})).toEqual(none);
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 31, '12 tokens', '-1', '', null])('takes %p for no count', (value) => {
    expect(usageOf({ prompt_tokens: value, completion_tokens: value, total_tokens: value })).toEqual(none);
  });

  it('takes a count that is text, and adds up what is not told', () => {
    expect(usageOf({ prompt_tokens: '7', completion_tokens: 5 })).toMatchObject({
      promptTokens: 7,
      totalTokens: 12,
    });
  });

  it('adds up to no more than every database counts', () => {
    const most = 2_147_483_647;
    expect(usageOf({ prompt_tokens: most, completion_tokens: most })).toMatchObject({
      promptTokens: most,
      completionTokens: most,
      totalTokens: most,
    });
  });

  it.each([
    ['0.0001234', 123_400],
    ['0.0000000005', 1],
    ['0.00000000049', 0],
    ['1.5E-7', 150],
    ['0E-10', 0],
    ['12345.678901234', 12_345_678_901_234],
    [0.1, 100_000_000],
    ['-1', 0],
    ['a lot', 0],
    [null, 0],
  ])('has the price %p as %p billionths', (price, nanos) => {
    expect(usageOf({ total_price: price, currency: 'USD' }).priceNanos).toBe(nanos);
  });

  it.each([
    ['USD', 'USD'],
    ['rmb', 'RMB'],
    ['dollars', ''],
    [null, ''],
  ])('has the currency %p as %p', (currency, known) => {
    expect(usageOf({ total_price: '1', currency }).currency).toBe(known);
  });

  it('has no currency where nothing was priced', () => {
    expect(usageOf({ total_tokens: 5, currency: 'USD' }).currency).toBe('');
  });
});
