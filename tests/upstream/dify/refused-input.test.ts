import { upstreamMessageOf, type ChatError } from '../../../src/chat/errors';
import { describeError } from '../../../src/chat/shared/log';
import { fromRefusedInput } from '../../../src/upstream/dify/refused-input';

const sent = {
  inputs: { city: '', mood: 'x'.repeat(60) },
  characterInputs: { mood: 'calm', secret_tone: 'x'.repeat(60) },
  promptInput: 'prompt',
};
const refused = (message: string, code = 'invalid_param') => fromRefusedInput(400, { code, message }, sent);

describe('fromRefusedInput', () => {
  it.each([
    ['city is required in input form', 'inputs.city must have a value.'],
    ['mood in input form must be less than 48 characters', 'inputs.mood can be at most 48 characters long.'],
    ["(type 'paragraph') city in input form must be a string", 'inputs.city must be text.'],
    ["(type 'number') city in input form must be a valid number", 'inputs.city must be a number.'],
    [
      "mood in input form must be one of the following: ['a secret']",
      'inputs.mood must be one of the values that the app knows.',
    ],
  ])('names the variable that the client sent: %s', (message, sentence) => {
    const error = refused(message);
    expect(error).toMatchObject({ code: 'invalid-request', status: 400, message: sentence });
    expect(JSON.stringify(error)).not.toContain('a secret');
  });

  it.each([
    [
      'prompt in input form must be less than 48 characters',
      /The prompt of the character can be at most 48 characters long.*"prompt" in Dify/u,
    ],
    ['town is required in input form', /The Dify app requires the variable \\"town\\"/u],
    [
      'secret_tone in input form must be less than 48 characters',
      /\\"secret_tone\\" can be at most 48 characters long. Change it in the field \\"Inputs\\" of the character/u,
    ],
  ])('is for the operator if nobody else can change it: %s', (message, remedy) => {
    const error = refused(message) as ChatError;
    expect(error.code).toBe('upstream-misconfigured');
    expect(error.message).not.toMatch(/town|secret_tone/u);
    expect(upstreamMessageOf(error)).toBe(message);
    expect(describeError(error).replaceAll('\\"prompt\\"', '"prompt"')).toMatch(remedy);
  });

  it.each([
    ['query is required', 'invalid_param'],
    ['city is required in input form', 'bad_request'],
    ['Too many requests. Please try again later.', 'invalid_param'],
  ])('leaves every other error: %s (%s)', (message, code) => {
    expect(refused(message, code)).toBeUndefined();
  });
});
