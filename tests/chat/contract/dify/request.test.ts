import {
  parseDifyConversationPage,
  parseDifyFeedback,
  parseDifyMessagePage,
  parseDifyName,
  parseDifyQuestion,
} from '../../../../src/chat/contract/dify/request';
import { ChatError } from '../../../../src/chat/errors';

const settings = { maxQueryChars: 20, maxInputsChars: 50, maxFiles: 1 };
const uuid = 'C4D3B2A1-0F60-4E2C-97A1-6C1F0E8D5B22';
const image = { type: 'image', transfer_method: 'local_file', upload_file_id: 'f' };
const question = (fields: Readonly<Record<string, unknown>>) =>
  parseDifyQuestion({ inputs: {}, query: 'Hi', user: 'u', ...fields }, settings);

const sentenceOf = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    if (error instanceof ChatError && error.code === 'invalid-request') return error.message;
    throw error;
  }
  return undefined;
};

describe('parseDifyQuestion', () => {
  it('parses what both SDKs send', () => {
    expect(question({ response_mode: 'streaming', files: null })).toEqual({
      inputs: {},
      query: 'Hi',
      files: [],
      conversationId: undefined,
      isStreaming: true,
    });
  });

  it.each(['', null, undefined])('begins a new conversation for the id %j', (conversation_id) => {
    expect(question({ conversation_id }).conversationId).toBeUndefined();
  });

  it('takes a UUID in upper case', () => {
    expect(question({ conversation_id: uuid }).conversationId).toBe(uuid.toLowerCase());
  });

  it.each([undefined, null, 'blocking'])('is blocking with response_mode %j', (response_mode) => {
    expect(question({ response_mode }).isStreaming).toBe(false);
  });

  it('ignores the user, the configuration of a model, and unknown keys', () => {
    const parsed = question({ user: 5, model_config: { pre_prompt: 'You are a pirate.' }, x: 1 });
    expect(parsed).toEqual(question({}));
  });

  it.each([
    [{ query: '' }, 'query is required.'],
    [{ query: 5 }, 'query must be the question, as text.'],
    [{ query: 'x'.repeat(21) }, 'query can be at most 20 characters long.'],
    [{ inputs: undefined }, 'inputs must be an object.'],
    [{ inputs: { a: 'x'.repeat(50) } }, 'inputs can be at most 50 characters of JSON.'],
    [{ conversation_id: 'x' }, 'conversation_id must be a valid UUID.'],
    [{ response_mode: 'sse' }, 'response_mode must be streaming or blocking.'],
    [{ files: [image, image] }, 'files can have at most 1 files.'],
  ])('refuses %j', (fields, sentence) => {
    expect(sentenceOf(() => question(fields))).toBe(sentence);
  });

  it.each([undefined, [1], 'x'])('refuses the body %j', (body) => {
    expect(sentenceOf(() => parseDifyQuestion(body, settings))).toContain('must be {"inputs"');
  });
});

describe('parseDifyMessagePage', () => {
  it('parses texts of a query string', () => {
    const query = { conversation_id: uuid, first_id: 'msg_1', limit: '5', user: 'u' };
    expect(parseDifyMessagePage(query)).toEqual({
      conversationId: uuid.toLowerCase(),
      firstId: 'msg_1',
      limit: 5,
    });
    expect(parseDifyMessagePage({ conversation_id: uuid })).toMatchObject({ firstId: undefined, limit: 20 });
  });

  it.each([
    {},
    { conversation_id: 'x' },
    { conversation_id: uuid, limit: '0' },
    { conversation_id: uuid, limit: '101' },
  ])('refuses %j', (query) => {
    expect(sentenceOf(() => parseDifyMessagePage(query))).toBeDefined();
  });
});

describe('parseDifyConversationPage', () => {
  it('lists the newest conversations first by default', () => {
    const order = { by: 'lastMessageAt', newestFirst: true };
    expect(parseDifyConversationPage({})).toEqual({ lastId: undefined, limit: 20, order });
  });

  it('refuses an unknown order', () => {
    expect(sentenceOf(() => parseDifyConversationPage({ sort_by: 'name' }))).toContain('sort_by must be');
  });
});

describe('parseDifyName', () => {
  it('returns the name without spaces around it, or null for one of the server', () => {
    expect(parseDifyName({ name: ' Fog ', auto_generate: false })).toBe('Fog');
    expect(parseDifyName({ name: '', auto_generate: true })).toBeNull();
  });

  it.each([{}, { name: ' ' }, { name: null }])('refuses %j', (body) => {
    expect(sentenceOf(() => parseDifyName(body))).toBe('name is required when auto_generate is false.');
  });
});

describe('parseDifyFeedback', () => {
  it('parses a rating beside the user', () => {
    expect(parseDifyFeedback({ rating: 'like', user: 'u', content: 'Good' })).toEqual({
      rating: 'like',
      content: 'Good',
    });
  });

  it('refuses an unknown rating', () => {
    expect(sentenceOf(() => parseDifyFeedback({ rating: 'love' }))).toContain('rating must be');
  });
});
