import { assertCleanLog, assertCleanReply, assertNoKeys, canaries } from './canaries';

const jwt = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url({ userId: '1' })}.c2lnbmF0dXJl`;

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

describe('assertCleanLog', () => {
  it.each([...Object.entries(canaries), ['token of any user', jwt], ['further secret', 'of-this-run']])(
    'finds a secret anywhere in the output: %s',
    (_what, secret) => {
      for (const text of [secret, `first line\nbefore${secret}`, `{"a":"${secret}"}`]) {
        expect(() => assertCleanLog(text, ['of-this-run'])).toThrow('is in the output of the application');
      }
    },
  );

  it('accepts an output without secrets', () => {
    assertCleanLog('[2026-01-01] http: GET /api/chat/ready (1 ms) 200\nkey-canary', ['of-this-run']);
  });
});

describe('assertCleanReply', () => {
  it.each(['key', 'characterKey', 'upstream', 'draft'] as const)(
    'finds the canary in a reply: %s',
    (name) => {
      expect(() => assertCleanReply(`{"a":"${canaries[name]}"}`, 'a reply')).toThrow('is in a reply');
    },
  );

  it('accepts prompts, questions and tokens, which replies may contain', () => {
    assertCleanReply(`${canaries.prompt} ${canaries.query} ${jwt}`, 'a reply');
  });
});

describe('assertNoKeys', () => {
  it.each(['key', 'characterKey'] as const)('finds the canary in a text: %s', (name) => {
    expect(() => assertNoKeys(`{"a":"${canaries[name]}"}`, 'an export')).toThrow('is in an export');
  });

  it('accepts drafts, which administrators may see', () => {
    assertNoKeys(canaries.draft, 'an export');
  });
});
