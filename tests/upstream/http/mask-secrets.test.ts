import { maskSecrets } from '../../../src/upstream/http/mask-secrets';

describe('maskSecrets', () => {
  it.each([
    ['Incorrect API key provided: sk-1234', 'Incorrect API key provided: ***'],
    ['the header was Authorization: Bearer abc.def', 'the header was Authorization: ***'],
    ['key app-Xy12345 is unknown', 'key *** is unknown'],
    ['token 0a1b2c3d4e5f60718293a4b5', 'token ***'],
    ['Incorrect API key provided: sk-abc***********wxyz.', 'Incorrect API key provided: ***'],
    ['Incorrect API key provided: abcd****************wxyz.', 'Incorrect API key provided: ***.'],
    ['AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY', '***'],
  ])('masks the key in %j', (text, masked) => {
    expect(maskSecrets(text)).toBe(masked);
  });

  it.each([
    'Your quota for Dify Hosted OpenAI has been exhausted.',
    'Run failed: model_currently_not_supported_here by provider',
    'Message 8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01 not found at https://api.example.com/v1/chat/completions',
    '',
  ])('keeps %j', (text) => {
    expect(maskSecrets(text)).toBe(text);
  });

  it('returns at most 500 characters, all of them storable', () => {
    expect(maskSecrets('a b '.repeat(1_000))).toHaveLength(500);
    expect(maskSecrets('no\0thing')).not.toContain('\0');
  });
});
