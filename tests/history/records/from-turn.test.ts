import { chatErrors } from '../../../src/chat/errors';
import { toRecord } from '../../../src/history/records/from-turn';
import { finishedTurn } from '../support/memory-history-source';
import type { Usage } from '../../../src/chat/model/outcome';

const usageOf = (usage: Usage | null) => toRecord(finishedTurn({ usage }), 'dify').usage;

describe('record of a successful turn', () => {
  it('is an OpenAI completion with the question as its messages', () => {
    const usage = {
      prompt_tokens: 12,
      completion_tokens: 30,
      total_tokens: 42,
      total_price: '0.0001234',
      currency: 'USD',
      latency: 1.5,
    };
    expect(toRecord(finishedTurn({ usage, firstTokenMs: 250 }), 'gpt-of-ours')).toEqual({
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
      firstTokenMs: 250,
      error: null,
      createdAt: new Date('2026-01-02T03:04:05.678Z'),
    });
  });

  it('has finish_reason cancelled after its user stopped it', () => {
    const { response, error } = toRecord(finishedTurn({ outcome: 'stopped' }), 'dify');
    expect([error, response]).toMatchObject([null, { choices: [{ finish_reason: 'cancelled' }] }]);
  });
});

describe('record of a turn that did not succeed', () => {
  it.each([
    ['failed', '', 'before-answer'],
    ['interrupted', 'Half an ', 'during-answer'],
  ] as const)('with the outcome %s and the text %j has an error of phase %s', (outcome, answer, phase) => {
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

  it('has the error code internal when the turn saved none', () => {
    expect(toRecord(finishedTurn({ outcome: 'failed' }), 'dify').error?.code).toBe('internal');
  });

  it('has no latency when the process died', () => {
    const died = finishedTurn({ outcome: 'interrupted', errorCode: 'process-died' });
    expect(toRecord(died, 'dify').latencyMs).toBeNull();
  });
});

describe('latency of a turn', () => {
  it.each([
    ['2026-01-02T03:04:05.678Z', 0],
    ['2026-03-02T03:04:05.678Z', 2_147_483_647],
    // Another process has written this time by its own clock.
    ['2026-01-02T03:04:05.677Z', null],
  ])('that ended at %s is %p', (endedAt, latencyMs) => {
    expect(toRecord(finishedTurn({ endedAt: new Date(endedAt) }), 'dify').latencyMs).toBe(latencyMs);
  });
});

describe('usage of a turn', () => {
  const none = { promptTokens: 0, completionTokens: 0, totalTokens: 0, priceNanos: 0, currency: '' };

  it('is zero when the turn has none', () => {
    expect(usageOf(null)).toEqual(none);
    expect(usageOf({})).toEqual(none);
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 31, '12 tokens', '-1', '', null])(
    'counts the invalid value %p as 0',
    (value) => {
      expect(usageOf({ prompt_tokens: value, completion_tokens: value, total_tokens: value })).toEqual(none);
    },
  );

  it('accepts a count in text form, and adds up a missing total', () => {
    expect(usageOf({ prompt_tokens: '7', completion_tokens: 5 })).toMatchObject({
      promptTokens: 7,
      totalTokens: 12,
    });
  });

  it('is limited to the largest 32-bit integer', () => {
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
  ])('converts the price %p to %p billionths', (price, nanos) => {
    expect(usageOf({ total_price: price, currency: 'USD' }).priceNanos).toBe(nanos);
  });

  it.each([
    ['USD', 'USD'],
    ['rmb', 'RMB'],
    ['dollars', ''],
    [null, ''],
  ])('converts the currency %p to %p', (currency, known) => {
    expect(usageOf({ total_price: '1', currency }).currency).toBe(known);
  });

  it('has no currency without a price', () => {
    expect(usageOf({ total_tokens: 5, currency: 'USD' }).currency).toBe('');
  });
});
