import { thrown } from '../../support/collect';
import { parseCompletion } from '../../../../src/chat/contract/openai/request';

const settings = { maxQueryChars: 100, maxInputsChars: 100, maxFiles: 1 };
const parse = (messages: unknown, fields: Readonly<Record<string, unknown>> = {}) =>
  parseCompletion({ model: 'keeper', messages, ...fields }, settings);
const question = { role: 'user', content: 'Who are you?' };
const image = (url: string) => ({ type: 'image_url', image_url: { url } });

describe('a chat completion', () => {
  it('asks the last message of the user, and leaves out system messages', () => {
    expect(parse([{ role: 'system', content: 'Be a pirate.' }, question])).toEqual({
      characterId: 'keeper',
      query: 'Who are you?',
      images: [],
      earlier: [],
      sessionId: undefined,
      isStreaming: false,
      withUsage: false,
    });
  });

  it('pairs earlier questions and answers, without the opening line of the character', () => {
    const { earlier } = parse([
      { role: 'assistant', content: 'Good evening.' },
      { role: 'user', content: [{ type: 'text', text: ' Hello ' }] },
      { role: 'assistant', content: 'Come in.' },
      { role: 'user', content: 'Thanks' },
      question,
    ]);

    expect(earlier).toEqual([
      { query: 'Hello', answer: 'Come in.' },
      { query: 'Thanks', answer: '' },
    ]);
  });

  it('names its session by session_id or by its metadata', () => {
    expect(parse([question], { session_id: 'a', metadata: { session_id: 'b' } }).sessionId).toBe('a');
    expect(parse([question], { metadata: { session_id: 'b' } }).sessionId).toBe('b');
    expect(parse([question], { metadata: { topic: 'light' } }).sessionId).toBeUndefined();
  });

  it('has pictures as data', () => {
    const url = `data:image/png;base64,${Buffer.from('picture').toString('base64')}`;
    const { images } = parse([
      { role: 'user', content: [{ type: 'text', text: 'What is it?' }, image(url)] },
    ]);

    expect(images).toEqual([{ name: 'image-1.png', mimeType: 'image/png', bytes: Buffer.from('picture') }]);
  });

  it.each([
    ['no message', [], 'messages must have a message of the user.'],
    [
      'no question at its end',
      [question, { role: 'assistant', content: 'I' }],
      'messages must end with a message',
    ],
    ['a blank question', [{ role: 'user', content: ' ' }], 'its text is empty'],
    ['a long question', [{ role: 'user', content: 'a'.repeat(101) }], 'at most 100 characters'],
    [
      'the address of a picture',
      [{ role: 'user', content: [{ type: 'text', text: 'What?' }, image('https://example.com/a.png')] }],
      'fetches no address',
    ],
    ['an unknown role', [{ role: 'wizard', content: 'Hi' }], 'must be one of'],
  ])('is refused with %s', (_name, messages, sentence) => {
    expect(() => parse(messages)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(sentence) }),
    );
  });
});

describe('a long chat completion', () => {
  it('is refused with more than 10000 messages, or 1000 parts in one', async () => {
    const refused = (messages: unknown) => thrown(() => parse(messages));

    expect(await refused(Array(10_001).fill(question))).toMatchObject({
      message: 'messages can have at most 10000 messages.',
    });
    const parts = Array(1_001).fill({ type: 'text', text: 'a' });
    expect(await refused([question, { role: 'user', content: parts }])).toMatchObject({
      message: 'messages.1.content can have at most 1000 parts.',
    });
  });

  it('is refused for its first wrong message only', async () => {
    expect(await thrown(() => parse([question, ...Array(9_000).fill({}), question]))).toMatchObject({
      message: 'messages.1.role must be one of system, developer, user, assistant, tool, function.',
    });
  });

  it('joins thousands of answers to one question', () => {
    const answers = Array(5_000).fill({ role: 'assistant', content: ` ${'a'.repeat(2_000)} ` });
    const { earlier } = parse([question, ...answers, question]);

    expect(earlier.map(({ answer }) => answer.length)).toEqual([5_000 * 2_001 - 1]);
  });
});
