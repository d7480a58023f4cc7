import { parseAiSdkRequest } from '../../../../src/chat/contract/ai-sdk/request';
import { thrown } from '../../support/collect';

const settings = { maxQueryChars: 100, maxInputsChars: 100, maxFiles: 1 };
const parse = (body: object) => parseAiSdkRequest({ id: 'a', ...body }, settings);
const question = { role: 'user', parts: [{ type: 'text', text: 'Who are you?' }] };

describe('a request of the AI SDK', () => {
  it('asks its last message, however many are before it', () => {
    const messages = [...Array(30_000).fill({ role: 'assistant', parts: [] }), question];

    expect(parse({ messages }).query).toBe('Who are you?');
  });

  it.each([
    ['messages.1.parts', (message: object) => ({ messages: [question, message] })],
    ['message.parts', (message: object) => ({ message })],
  ])('is refused with more than 1000 parts in %s', async (field, toBody) => {
    const parts = Array(1_001).fill({ type: 'text', text: 'a' });

    expect(await thrown(() => parse(toBody({ role: 'user', parts })))).toMatchObject({
      message: `${field} can have at most 1000 parts.`,
    });
  });
});
