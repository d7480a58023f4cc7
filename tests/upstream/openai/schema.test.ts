import fc from 'fast-check';

import {
  parseChunk,
  parseCompletion,
  parseErrorBody,
  parseModelNames,
} from '../../../src/upstream/openai/schema';

const nothing = {
  id: undefined,
  text: '',
  finishReason: undefined,
  hasToolCalls: false,
  usage: null,
  error: undefined,
};
const id = 'chatcmpl-0123456789abcdef';

const chunk = (value: unknown) => parseChunk(JSON.stringify(value));
const chunkOf = (delta: unknown, rest: object = {}) => chunk({ choices: [{ index: 0, delta, ...rest }] });

describe('parseChunk', () => {
  it('keeps the known fields and drops the rest', () => {
    expect(
      chunk({
        id,
        object: 'chat.completion.chunk',
        system_fingerprint: 'fp',
        choices: [{ index: 0, delta: { content: 'Hel', secret: 'x' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 2, completion_tokens: 1, total_tokens: 3, prompt_tokens_details: {} },
      }),
    ).toEqual({
      ...nothing,
      id,
      text: 'Hel',
      finishReason: 'stop',
      usage: { prompt_tokens: 2, completion_tokens: 1, total_tokens: 3 },
    });
  });

  it.each<[string, unknown]>([
    ['no choices', {}],
    ['an empty list of choices', { choices: [] }],
    ['null in place of everything', { id: null, choices: null, usage: null, error: null }],
    ['an empty error', { error: '' }],
    ['usage of another type', { usage: { total_tokens: '7', prompt_tokens: -1 } }],
  ])('takes %s as missing', (_name, value) => {
    expect(chunk(value)).toEqual(nothing);
  });

  it.each<[string, unknown]>([
    ['null', { content: null }],
    ['parts', { content: [{ type: 'text', text: 'part' }] }],
    ['reasoning', { reasoning_content: 'Let me think.', reasoning: 'Let me think.' }],
    ['a refusal', { refusal: 'No.' }],
    ['null in place of a delta', null],
  ])('has no text for %s', (_name, delta) => {
    expect(chunkOf(delta)).toEqual(nothing);
  });

  it('reports tool calls', () => {
    expect(chunkOf({ tool_calls: [{ index: 0 }] })).toEqual({ ...nothing, hasToolCalls: true });
    expect(chunkOf({ tool_calls: [] })).toEqual(nothing);
  });

  it('makes text storable', () => {
    expect(chunkOf({ content: 'a\0b\ud800' })?.text).toBe('a\uFFFDb\uFFFD');
  });

  it.each([
    ['x'.repeat(19), false],
    ['x'.repeat(20), true],
    ['x'.repeat(255), true],
    ['x'.repeat(256), false],
    [`chatcmpl-742`, false],
    [`${'x'.repeat(30)}\0`, false],
    [`${'x'.repeat(30)}\ud800`, false],
  ])('uses the id %j: %s', (given, isUsed) => {
    expect(chunk({ id: given })?.id).toBe(isUsed ? given : undefined);
  });

  it.each(['', 'text', '[]', '7', 'null', '{"id":'])('returns null for %j', (text) => {
    expect(parseChunk(text)).toBeNull();
  });

  it('throws for no JSON', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        parseChunk(json);
        parseCompletion(json);
        parseErrorBody(json);
        parseModelNames(json);
      }),
    );
  });
});

describe('parseCompletion', () => {
  it('reads the message', () => {
    const choices = [{ message: { content: 'Hello' }, delta: { content: 'x' }, finish_reason: 'length' }];
    expect(parseCompletion(JSON.stringify({ id, choices }))).toEqual({
      ...nothing,
      id,
      text: 'Hello',
      finishReason: 'length',
    });
  });

  it('reads an error in its place', () => {
    expect(parseCompletion('{"error":{"message":"Busy","code":503}}')?.error).toEqual({
      message: 'Busy',
      names: [],
      status: 503,
    });
  });

  it.each(['', '{}', '[]', '{"message":"Hello"}', '<html>'])('returns null for %j', (body) => {
    expect(parseCompletion(body)).toBeNull();
  });
});

describe('parseErrorBody', () => {
  it.each<[string, string, object]>([
    [
      'OpenAI',
      '{"error":{"message":"No","type":"tokens","param":null,"code":"rate_limit_exceeded"}}',
      { message: 'No', names: ['rate_limit_exceeded', 'tokens'] },
    ],
    ['OpenRouter', '{"error":{"message":"No","code":402}}', { message: 'No', status: 402 }],
    ['Ollama', '{"error":"model not found"}', { message: 'model not found' }],
    [
      'vLLM',
      '{"object":"error","message":"No","type":"NotFoundError","code":404}',
      { message: 'No', names: ['NotFoundError'], status: 404 },
    ],
    ['FastAPI', '{"detail":[{"msg":"Field required","input":"secret"}]}', {}],
    ['a proxy', '<html></html>', {}],
    ['no one', '', {}],
    ['another number', '{"error":{"code":7}}', {}],
  ])('reads the error of %s', (_name, body, error) => {
    expect(parseErrorBody(body)).toEqual({ message: '', names: [], status: undefined, ...error });
  });
});

describe('parseModelNames', () => {
  it('returns the ids of the models', () => {
    expect(parseModelNames('{"object":"list","data":[{"id":"a","object":"model"},{"id":"b"}]}')).toEqual([
      'a',
      'b',
    ]);
  });

  it.each(['', '{}', '{"data":null}', '{"data":[{}]}', '[{"id":"a"}]'])('returns null for %j', (body) => {
    expect(parseModelNames(body)).toBeNull();
  });
});
