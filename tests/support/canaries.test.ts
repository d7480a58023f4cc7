import { assertCleanLog, assertCleanReply, canaries } from './canaries';

const jwt = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url({ userId: '1' })}.c2lnbmF0dXJl`;

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

describe('the search of all output', () => {
  it.each([...Object.entries(canaries), ['token of anybody', jwt], ['further secret', 'of-this-run']])(
    'finds a %s, wherever it stands',
    (_what, secret) => {
      for (const text of [secret, `first line\nbefore${secret}`, `{"a":"${secret}"}`]) {
        expect(() => assertCleanLog(text, ['of-this-run'])).toThrow('is in the output of the application');
      }
    },
  );

  it('finds nothing in what holds none', () => {
    assertCleanLog('[2026-01-01] http: GET /api/chat/ready (1 ms) 200\nkey-canary', ['of-this-run']);
  });
});

describe('the search of every reply', () => {
  it.each(['key', 'upstream', 'draft'] as const)('finds a canary of %s', (name) => {
    expect(() => assertCleanReply(`{"a":"${canaries[name]}"}`, 'a reply')).toThrow('is in a reply');
  });

  it('lets through what the contract shows', () => {
    assertCleanReply(`${canaries.prompt} ${canaries.query} ${jwt}`, 'a reply');
  });
});
