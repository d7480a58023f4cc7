import fc from 'fast-check';

import { parseErrorBody, parseFrame, toUsage } from '../../../src/chat/dify/wire';

describe('parseFrame', () => {
  it('keeps what concerns us and drops the rest', () => {
    const frame = parseFrame(
      JSON.stringify({
        event: 'message',
        task_id: 't',
        message_id: 'm',
        conversation_id: 'c',
        id: 'm',
        answer: 'Hello',
        created_at: 1_760_000_000,
        from_variable_selector: null,
        data: { inputs: { prompt: 'secret' } },
        metadata: { retriever_resources: [{ content: 'secret' }], usage: { total_tokens: 3, secret: 'x' } },
      }),
    );
    expect(frame).toEqual({
      event: 'message',
      task_id: 't',
      message_id: 'm',
      conversation_id: 'c',
      answer: 'Hello',
      metadata: { usage: { total_tokens: 3 } },
    });
    expect(JSON.stringify(frame)).not.toContain('secret');
  });

  it.each([
    ['null', null],
    ['a number', 7],
    ['an object', { text: 'x' }],
    ['a list', ['x']],
    ['nothing', undefined],
  ])('takes %s in any field for a missing field', (_name, value) => {
    const fields = [
      'task_id',
      'message_id',
      'conversation_id',
      'answer',
      'url',
      'code',
      'message',
      'metadata',
    ];
    const frame = parseFrame(
      JSON.stringify({ event: 'message', ...Object.fromEntries(fields.map((name) => [name, value])) }),
    );
    const known = Object.entries(frame ?? {}).filter(
      ([name, field]) => field !== undefined && name !== 'metadata',
    );
    expect(known).toEqual([['event', 'message']]);
    expect(frame && toUsage(frame)).toBeNull();
  });

  it('takes an empty id and one too long to be one for a missing id', () => {
    const frame = parseFrame(JSON.stringify({ event: 'message', message_id: '', task_id: 'x'.repeat(256) }));
    expect(frame?.message_id).toBeUndefined();
    expect(frame?.task_id).toBeUndefined();
  });

  it.each([
    '',
    'null',
    '7',
    '"text"',
    '[]',
    '{}',
    '{"event":7}',
    '{"event":null}',
    '{"event":"mess',
    '[DONE]',
  ])('is null for %j', (data) => {
    expect(parseFrame(data)).toBeNull();
  });

  it('throws at nothing', () => {
    fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (data) => void parseFrame(data)));
  });
});

describe('toUsage', () => {
  const usageOf = (usage: unknown) => {
    const frame = parseFrame(JSON.stringify({ event: 'message_end', metadata: { usage } }));
    return frame && toUsage(frame);
  };

  it('keeps counts and prices, as numbers or as text', () => {
    const usage = {
      prompt_tokens: 41,
      prompt_unit_price: '0.001',
      prompt_price_unit: '0.001',
      prompt_price: '0.0000410',
      completion_tokens: 9,
      completion_unit_price: '0.002',
      completion_price_unit: '0.001',
      completion_price: 0.000018,
      total_tokens: 50,
      total_price: '0.0000590',
      currency: 'USD',
      latency: 0.812,
    };
    expect(usageOf(usage)).toEqual(usage);
  });

  it('drops what is no count and no price', () => {
    expect(
      usageOf({ total_tokens: 5, currency: null, latency: {}, prompt_price: 'x'.repeat(65), more: 1 }),
    ).toEqual({
      total_tokens: 5,
    });
  });

  it.each([undefined, null, {}, [], 'many', 7, { currency: null }])('is null for %j', (usage) => {
    expect(usageOf(usage)).toBeNull();
  });

  it('is null without metadata', () => {
    const frame = parseFrame('{"event":"message_end"}');
    expect(frame && toUsage(frame)).toBeNull();
  });
});

describe('parseErrorBody', () => {
  it('takes the code and the message', () => {
    const body = '{"code": "not_found", "message": "Conversation Not Exists.", "status": 404}';
    expect(parseErrorBody(body)).toEqual({ code: 'not_found', message: 'Conversation Not Exists.' });
  });

  it.each(['', '<html></html>', 'null', '[]', '7', '{}', '{"code": 7, "message": null}', '{"code'])(
    'finds neither in %j',
    (body) => {
      const { code, message } = parseErrorBody(body);
      expect([code, message]).toEqual([undefined, undefined]);
    },
  );
});
