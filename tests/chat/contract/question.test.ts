import type { ChatError } from '../../../src/chat/errors';
import { parseQuestion } from '../../../src/chat/contract/question';
import { thrown } from '../support/collect';

const settings = { maxQueryChars: 20, maxInputsChars: 100, maxFiles: 2 };
const whole = { character_id: 'character-keeper', query: 'How is the sea?' };

function parse(data: unknown) {
  return parseQuestion({ data }, settings);
}

async function refused(body: unknown): Promise<ChatError> {
  const error = await thrown(() => parseQuestion(body, settings));
  expect(error).toMatchObject({ name: 'ChatError', code: 'invalid-request', status: 400 });
  return error as ChatError;
}

describe('parseQuestion', () => {
  it('reads a character and a query for a new session', () => {
    expect(parse(whole)).toEqual({
      characterId: 'character-keeper',
      query: 'How is the sea?',
      session: { sessionId: undefined, conversationId: undefined },
      inputs: {},
      files: [],
    });
  });

  it('reads both ids of the session, and the inputs', () => {
    const data = {
      ...whole,
      session_id: 's',
      conversation_id: 'c',
      inputs: { mood: 'calm', nested: { n: [1, null] } },
    };
    expect(parse(data)).toMatchObject({
      session: { sessionId: 's', conversationId: 'c' },
      inputs: { mood: 'calm', nested: { n: [1, null] } },
    });
  });

  it.each(['', null, undefined])('treats the session id %j as a new session', (id) => {
    expect(parse({ ...whole, session_id: id, conversation_id: id }).session).toEqual({
      sessionId: undefined,
      conversationId: undefined,
    });
  });

  it('treats null as no inputs', () => {
    expect(parse({ ...whole, inputs: null }).inputs).toEqual({});
  });

  it('reads a character by its numeric id', () => {
    expect(parse({ ...whole, character_id: 12 }).characterId).toBe('12');
    expect(parse({ ...whole, character_id: ' 12 ' }).characterId).toBe('12');
  });

  it('ignores the other fields of a Dify client, including the user', () => {
    const data = { ...whole, response_mode: 'streaming', user: 'somebody-else', files: [], owner: { id: 2 } };
    expect(parse(data)).toEqual(parse(whole));
  });

  it('keeps the query unchanged, including line breaks and outer spaces', () => {
    expect(parse({ ...whole, query: ' a\n\n 👩‍👩‍👧 ' }).query).toBe(' a\n\n 👩‍👩‍👧 ');
  });

  it('makes the query, the ids and the inputs storable, including keys', () => {
    const { query, inputs } = parse({ ...whole, query: 'a\0\ud83d', inputs: { 'k\0': ['v\0'] } });
    expect(query).toBe('a\uFFFD\uFFFD');
    const ids = { character_id: 'c\0', session_id: 's\0', conversation_id: 'c\ud83d' };
    expect(parse({ ...whole, ...ids })).toMatchObject({
      characterId: 'c\uFFFD',
      session: { sessionId: 's\uFFFD', conversationId: 'c\uFFFD' },
    });
    expect(inputs).toEqual({ 'k\uFFFD': ['v\uFFFD'] });
  });

  it('limits the query and the inputs to an exact number of characters', async () => {
    expect(parse({ ...whole, query: 'x'.repeat(20) }).query).toHaveLength(20);
    expect((await refused({ data: { ...whole, query: 'x'.repeat(21) } })).message).toContain(
      'at most 20 characters',
    );
    const inputs = (length: number) => ({ a: 'x'.repeat(length - '{"a":""}'.length) });
    expect(parse({ ...whole, inputs: inputs(100) }).inputs).toEqual(inputs(100));
    expect((await refused({ data: { ...whole, inputs: inputs(101) } })).message).toContain(
      'at most 100 characters',
    );
  });

  it('limits the depth of inputs before any other step walks through them', async () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });
    expect(parse({ ...whole, inputs: nested(8) }).inputs).toEqual(nested(8));
    expect((await refused({ data: { ...whole, inputs: nested(9) } })).message).toContain('8 levels');
    let deep: unknown = 1;
    for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];
    expect((await refused({ data: { ...whole, inputs: { deep } } })).message).toContain('8 levels');
  });

  it.each<[string, unknown, string]>([
    ['no body', undefined, 'body must be {"data"'],
    ['null', null, 'body must be {"data"'],
    ['text', 'hello', 'body must be {"data"'],
    ['a list', [], 'body must be {"data"'],
    ['no data', {}, 'data must be an object'],
    ['data that is null', { data: null }, 'data must be an object'],
    ['data that is text', { data: 'hello' }, 'data must be an object'],
    ['no character', { data: { query: 'Hi' } }, 'data.character_id must be'],
    [
      'a fraction as the character id',
      { data: { ...whole, character_id: 1.5 } },
      'data.character_id must be',
    ],
    ['a character object', { data: { ...whole, character_id: { $ne: 1 } } }, 'data.character_id must be'],
    ['no query', { data: { character_id: 'c' } }, 'data.query must be the question'],
    ['an empty query', { data: { ...whole, query: '' } }, 'data.query must be the question'],
    ['a blank query', { data: { ...whole, query: ' \n\u3000' } }, 'data.query must be the question'],
    [
      'a query of zero-width characters',
      { data: { ...whole, query: '\u200b\u2060' } },
      'data.query must be the question',
    ],
    ['a query that is not text', { data: { ...whole, query: ['Hi'] } }, 'data.query must be the question'],
    ['a session that is not text', { data: { ...whole, session_id: 7 } }, 'data.session_id must be text'],
    [
      'a session that is too long',
      { data: { ...whole, session_id: 'x'.repeat(256) } },
      'data.session_id is too long',
    ],
    [
      'a conversation object',
      { data: { ...whole, conversation_id: {} } },
      'data.conversation_id must be text',
    ],
    ['inputs that are text', { data: { ...whole, inputs: 'x' } }, 'data.inputs must be an object'],
    ['inputs that are a list', { data: { ...whole, inputs: [] } }, 'data.inputs must be an object'],
  ])('rejects %s', async (_name, body, sentence) => {
    expect((await refused(body)).message).toContain(sentence);
  });

  it.each([' ', 0, 'x'.repeat(65)])('rejects the character id %j with its own sentence', async (id) => {
    expect((await refused({ data: { ...whole, character_id: id } })).message).toContain('must be');
  });

  it('reports all problems together, each with its path', async () => {
    const error = await refused({ data: { character_id: '', query: '', session_id: 7 } });
    const { errors } = error.details as { errors: readonly { path: string[]; message: string }[] };
    expect(errors.map(({ path }) => path.join('.'))).toEqual([
      'data.character_id',
      'data.query',
      'data.session_id',
    ]);
    for (const { path } of errors) expect(error.message).toContain(path.join('.'));
  });

  it('quotes no value of the body', async () => {
    const secret = 'my secret';
    const body = {
      data: { character_id: { secret }, query: secret.repeat(9), inputs: secret, session_id: [secret] },
    };
    const error = await refused(body);
    expect(error.message + JSON.stringify(error.details)).not.toContain(secret);
  });
});

describe('the files of a question', () => {
  const local = { type: 'image', transfer_method: 'local_file', upload_file_id: 'file-1' };
  const remote = { type: 'document', transfer_method: 'remote_url', url: 'https://cdn.example/a.pdf' };

  it('are read as Dify takes them, without other keys', () => {
    const files = [
      { ...local, url: '' },
      { ...remote, upload_file_id: '' },
    ];
    expect(parse({ ...whole, files }).files).toEqual([local, remote]);
  });

  it.each([null, undefined, []])('can be %j', (files) => {
    expect(parse({ ...whole, files }).files).toEqual([]);
  });

  it.each([
    [[local, local, local], 'data.files can have at most 2 files.'],
    ['x', 'data.files must be a list of files.'],
    [[{ ...local, type: 'film' }], 'data.files.0.type must be one of image, document, audio, video, custom.'],
    [
      [{ ...local, transfer_method: 'tool_file' }],
      'data.files.0.transfer_method must be an object with transfer_method: "local_file" or "remote_url".',
    ],
    [[{ ...local, upload_file_id: '' }], 'data.files.0.upload_file_id must be the id of an upload.'],
    [[{ ...local, upload_file_id: 1 }], 'data.files.0.upload_file_id must be the id of an upload.'],
    [[{ ...remote, url: 'file:///etc/passwd' }], 'data.files.0.url must be an http or https address.'],
    [[remote, { ...remote, url: 'cdn' }], 'data.files.1.url must be an http or https address.'],
  ])('are refused as %j', async (files, sentence) => {
    expect((await refused({ data: { ...whole, files } })).message).toBe(sentence);
  });
});
