import fc from 'fast-check';

import {
  parseConversations,
  parseErrorBody,
  parseFrame,
  parseSavedMessages,
  parseSuggestions,
  toUsage,
} from '../../../src/upstream/dify/schema';

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

  it('reads a frame of words just as any other', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom('', 'a\0b', '\ud800'),
    );
    const value = fc.oneof(text, fc.constantFrom(null, 7, undefined));
    const fields = { task_id: value, message_id: value, conversation_id: value, answer: value };
    fc.assert(
      fc.property(fc.record(fields), fc.constantFrom('message', 'agent_message'), (frame, event) => {
        const words = parseFrame(JSON.stringify({ ...frame, event }));
        // Of an event that carries no words, all that is read is read by the schema.
        const other = parseFrame(JSON.stringify({ ...frame, event: 'message_file' }));
        expect(words).toEqual({ ...other, event });
      }),
      { numRuns: 1_000 },
    );
  });

  it('takes an empty id and one too long to be one for a missing id', () => {
    const frame = parseFrame(JSON.stringify({ event: 'message', message_id: '', task_id: 'x'.repeat(256) }));
    expect(frame?.message_id).toBeUndefined();
    expect(frame?.task_id).toBeUndefined();
  });

  it.each(['task_id', 'message_id', 'conversation_id'])(
    'takes a %s too long to be one for a missing id, in a frame of words that lacks nothing',
    (name) => {
      const words = { task_id: 't', message_id: 'm', conversation_id: 'c', answer: 'Hello' };
      for (const event of ['message', 'agent_message']) {
        const longest = { event, ...words, [name]: 'x'.repeat(255) };
        expect(parseFrame(JSON.stringify(longest))).toEqual(longest);
        const tooLong = parseFrame(JSON.stringify({ event, ...words, [name]: 'x'.repeat(256) }));
        expect(tooLong).toEqual({ event, ...words, [name]: undefined });
      }
    },
  );

  it('leaves every id within what a column holds, or out', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (id) => {
        const kept = parseFrame(JSON.stringify({ event: 'message', task_id: id }))?.task_id;
        if (id === '' || id.length > 255) expect(kept).toBeUndefined();
        else expect(kept).toBe(JSON.parse(JSON.stringify(id)));
      }),
    );
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

  it('keeps text that every database takes: NUL and lone surrogates become U+FFFD', () => {
    expect(usageOf({ currency: 'U\0D', total_price: '\ud83d', total_tokens: 5 })).toEqual({
      currency: 'U\uFFFDD',
      total_price: '\uFFFD',
      total_tokens: 5,
    });
  });

  it('drops a number no JSON can say', () => {
    const frame = parseFrame(
      '{"event":"message_end","metadata":{"usage":{"latency":1e999,"total_tokens":5}}}',
    );
    expect(frame && toUsage(frame)).toEqual({ total_tokens: 5 });
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

describe('parseSavedMessages', () => {
  const page = (...data: unknown[]) => JSON.stringify({ limit: 20, has_more: false, data });
  const createdAt = new Date(1_760_000_000_000);

  it('are the questions of a page, in its order, with what was answered', () => {
    const body = page(
      {
        id: 'm1',
        query: 'one',
        answer: 'first',
        status: 'normal',
        created_at: 1_760_000_000,
        inputs: { a: 1 },
      },
      { id: 'm2', query: 'two', answer: 'a\0b', status: 'normal', created_at: 1_760_000_000 },
    );
    expect(parseSavedMessages(body)).toEqual([
      { id: 'm1', query: 'one', answer: 'first', createdAt },
      { id: 'm2', query: 'two', answer: 'a\uFFFDb', createdAt },
    ]);
  });

  it.each([
    ['an empty answer', { answer: '', status: 'normal' }],
    ['a failed one', { answer: 'half', status: 'error' }],
    ['no text', { answer: null }],
    ['no answer', {}],
  ])('have no answer where there is %s', (_name, fields) => {
    expect(parseSavedMessages(page({ id: 'm1', ...fields }))).toMatchObject([{ id: 'm1', answer: null }]);
  });

  it('leave out what is no message, and keep the rest', () => {
    const body = page(
      null,
      7,
      'x',
      {},
      { id: '' },
      { id: 5 },
      { id: 'm1', answer: 'first', created_at: 'now' },
    );
    expect(parseSavedMessages(body)).toEqual([
      { id: 'm1', query: undefined, answer: 'first', createdAt: undefined },
    ]);
  });

  it.each([
    ['an error', JSON.stringify({ code: 'not_found', message: 'x', status: 404 })],
    ['another page', JSON.stringify({ data: 'x' })],
    ['no JSON', '<html>'],
  ])('are none in %s', (_name, body) => {
    expect(parseSavedMessages(body)).toEqual([]);
  });
});

describe('parseConversations', () => {
  it('are the ids and times of a page', () => {
    const data = [{ id: 'c1', created_at: 1_760_000_000, name: 'x' }, { id: 'c2' }, null];
    expect(parseConversations(JSON.stringify({ data }))).toEqual([
      { id: 'c1', createdAt: new Date(1_760_000_000_000) },
      { id: 'c2', createdAt: undefined },
    ]);
    expect(parseConversations('<html>')).toEqual([]);
  });
});

describe('parseSuggestions', () => {
  const list = (...data: unknown[]) => JSON.stringify({ result: 'success', data });

  it('are the questions, trimmed and as they can be stored', () => {
    expect(parseSuggestions(list(' Why? ', 'a\0b', '好？'))).toEqual(['Why?', 'a\uFFFDb', '好？']);
  });

  it('leave out what is no question a person would be shown', () => {
    const odd = [null, 7, { q: 'x' }, ['x'], '', ' \n', 'x'.repeat(1_001)];
    expect(parseSuggestions(list(...odd, 'Why?'))).toEqual(['Why?']);
  });

  it('are at most ten', () => {
    expect(parseSuggestions(list(...Array.from({ length: 50 }, (_, i) => `${i}?`)))).toHaveLength(10);
  });

  it.each(['<html>', '[]', '{}', '{"data":{}}', 'null'])('are not what %s says', (body) => {
    expect(parseSuggestions(body)).toBeNull();
  });
});
