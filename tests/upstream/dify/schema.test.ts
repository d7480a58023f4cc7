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
  it('keeps the known fields and drops the rest', () => {
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
  ])('treats %s in any field as a missing field', (_name, value) => {
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

  it('reads a text frame without its ids like any other frame, once they are known', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom('', 'a\0b', '\ud800'),
    );
    const value = fc.oneof(text, fc.constantFrom(null, 7, undefined));
    const fields = { task_id: value, answer: value, metadata: value };
    fc.assert(
      fc.property(fc.record(fields), fc.constantFrom('message', 'agent_message'), (frame, event) => {
        const data = JSON.stringify({ ...frame, event });
        const whole = parseFrame(data);
        const words = parseFrame(data, true);
        expect([words?.event, words?.answer]).toEqual([whole?.event, whole?.answer]);
        // A frame whose answer is not a text takes the way of all other frames.
        if (typeof frame.answer === 'string') expect(words?.task_id).toBeUndefined();
        else expect(words).toEqual(whole);
      }),
      { numRuns: 1_000 },
    );
  });

  it('reads an event without text in the same way, whether the ids are known or not', () => {
    const end = JSON.stringify({
      event: 'message_end',
      task_id: 't',
      metadata: { usage: { total_tokens: 7 } },
    });
    expect(parseFrame(end, true)).toEqual(parseFrame(end));
  });

  it('treats an empty id and a too long id as missing', () => {
    const frame = parseFrame(JSON.stringify({ event: 'message', message_id: '', task_id: 'x'.repeat(256) }));
    expect(frame?.message_id).toBeUndefined();
    expect(frame?.task_id).toBeUndefined();
  });

  it.each(['task_id', 'message_id', 'conversation_id'])(
    'treats a too long %s as missing in a complete text frame',
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

  it('keeps an id that fits its column, and drops any other', () => {
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
  ])('returns null for %j', (data) => {
    expect(parseFrame(data)).toBeNull();
  });

  it('never throws', () => {
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

  it('drops values that are neither counts nor prices', () => {
    expect(
      usageOf({ total_tokens: 5, currency: null, latency: {}, prompt_price: 'x'.repeat(65), more: 1 }),
    ).toEqual({
      total_tokens: 5,
    });
  });

  it('makes text storable: NUL and lone surrogates become U+FFFD', () => {
    expect(usageOf({ currency: 'U\0D', total_price: '\ud83d', total_tokens: 5 })).toEqual({
      currency: 'U\uFFFDD',
      total_price: '\uFFFD',
      total_tokens: 5,
    });
  });

  it('drops a number that JSON cannot represent', () => {
    const frame = parseFrame(
      '{"event":"message_end","metadata":{"usage":{"latency":1e999,"total_tokens":5}}}',
    );
    expect(frame && toUsage(frame)).toEqual({ total_tokens: 5 });
  });

  it.each([undefined, null, {}, [], 'many', 7, { currency: null }])('returns null for %j', (usage) => {
    expect(usageOf(usage)).toBeNull();
  });

  it('returns null without metadata', () => {
    const frame = parseFrame('{"event":"message_end"}');
    expect(frame && toUsage(frame)).toBeNull();
  });
});

describe('parseErrorBody', () => {
  it('returns the code and the message', () => {
    const body = '{"code": "not_found", "message": "Conversation Not Exists.", "status": 404}';
    expect(parseErrorBody(body)).toEqual({ code: 'not_found', message: 'Conversation Not Exists.' });
  });

  it.each(['', '<html></html>', 'null', '[]', '7', '{}', '{"code": 7, "message": null}', '{"code'])(
    'finds no code and no message in %j',
    (body) => {
      const { code, message } = parseErrorBody(body);
      expect([code, message]).toEqual([undefined, undefined]);
    },
  );
});

describe('parseSavedMessages', () => {
  const page = (...data: unknown[]) => JSON.stringify({ limit: 20, has_more: false, data });
  const createdAt = new Date(1_760_000_000_000);

  it('returns the questions and answers of a page in order', () => {
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
      { id: 'm1', query: 'one', answer: 'first', createdAt, files: [] },
      { id: 'm2', query: 'two', answer: 'a\uFFFDb', createdAt, files: [] },
    ]);
  });

  it.each<[string, unknown, string | null]>([
    [
      'all steps',
      [
        { thought: 'Let me see. ', tool: 'clock' },
        { thought: 'Noon.', tool: '' },
      ],
      'Let me see. Noon.',
    ],
    ['nothing while a tool runs', [{ thought: 'Let me see.', tool: 'clock' }], null],
    [
      'nothing while the last step is empty',
      [{ thought: 'Let me see.', tool: 'clock' }, { thought: '' }],
      null,
    ],
    ['nothing from an invalid list', 'steps', null],
    ['nothing from no steps', [], null],
  ])('reads an answer that is only in the steps of an agent: %s', (_name, agent_thoughts, answer) => {
    const message = { id: 'm1', query: 'one', answer: '', status: 'normal', agent_thoughts };
    expect(parseSavedMessages(page(message))).toMatchObject([{ id: 'm1', answer }]);
    expect(parseSavedMessages(page({ ...message, answer: 'Saved.' }))).toMatchObject([{ answer: 'Saved.' }]);
  });

  it.each([
    ['an empty answer', { answer: '', status: 'normal' }],
    ['a failed answer', { answer: 'half', status: 'error' }],
    ['null as the answer', { answer: null }],
    ['a missing answer', {}],
  ])('returns null as the answer for %s', (_name, fields) => {
    expect(parseSavedMessages(page({ id: 'm1', ...fields }))).toMatchObject([{ id: 'm1', answer: null }]);
  });

  it('skips entries that are not messages, and keeps the rest', () => {
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
      { id: 'm1', query: undefined, answer: 'first', createdAt: undefined, files: [] },
    ]);
  });

  it.each([
    ['an error', JSON.stringify({ code: 'not_found', message: 'x', status: 404 })],
    ['another page', JSON.stringify({ data: 'x' })],
    ['no JSON', '<html>'],
  ])('returns no messages for %s', (_name, body) => {
    expect(parseSavedMessages(body)).toEqual([]);
  });
});

describe('parseConversations', () => {
  it('returns the ids and times of a page', () => {
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

  it('returns the questions, trimmed and storable', () => {
    expect(parseSuggestions(list(' Why? ', 'a\0b', '好？'))).toEqual(['Why?', 'a\uFFFDb', '好？']);
  });

  it('skips values that cannot be shown as questions', () => {
    const odd = [null, 7, { q: 'x' }, ['x'], '', ' \n', 'x'.repeat(1_001)];
    expect(parseSuggestions(list(...odd, 'Why?'))).toEqual(['Why?']);
  });

  it('returns at most ten questions', () => {
    expect(parseSuggestions(list(...Array.from({ length: 50 }, (_, i) => `${i}?`)))).toHaveLength(10);
  });

  it.each(['<html>', '[]', '{}', '{"data":{}}', 'null'])('returns null for %s', (body) => {
    expect(parseSuggestions(body)).toBeNull();
  });
});
