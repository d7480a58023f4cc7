import { parseNewToken } from '../../../../src/chat/contract/token/request';

const data = { name: 'Robot', scopes: ['read'] };
const inAYear = new Date(Date.now() + 365 * 86_400_000).toISOString();

describe('parseNewToken', () => {
  it('returns the trimmed name, the scopes in order, and the time of expiry', () => {
    expect(
      parseNewToken({ data: { name: '  Robot ', scopes: ['ask', 'read'], expires_at: inAYear } }),
    ).toEqual({
      name: 'Robot',
      scopes: ['read', 'ask'],
      expiresAt: new Date(inAYear),
    });
    expect(parseNewToken({ data }).expiresAt).toBeNull();
    expect(parseNewToken({ data: { ...data, expires_at: null } }).expiresAt).toBeNull();
  });

  it('makes the name storable', () => {
    expect(parseNewToken({ data: { ...data, name: 'a\0b\ud800' } }).name).toBe('a\ufffdb\ufffd');
  });

  it.each<[body: unknown, sentence: string]>([
    [undefined, 'body must be {"data": …}.'],
    [{}, 'data must be {"name": …, "scopes": […]}.'],
    [{ data: { scopes: ['read'] } }, 'data.name must be text.'],
    [{ data: { ...data, name: ' \u200b' } }, 'data.name is empty.'],
    [{ data: { ...data, name: 'x'.repeat(101) } }, 'data.name can be at most 100 characters long.'],
    [{ data: { name: 'Robot' } }, 'data.scopes must be a list.'],
    [{ data: { ...data, scopes: [] } }, 'data.scopes must name at least one scope.'],
    [{ data: { ...data, scopes: ['write'] } }, 'data.scopes.0 must be read or ask.'],
    [
      { data: { ...data, expires_at: 'tomorrow' } },
      'data.expires_at must be a time, e.g. 2027-01-31T00:00:00Z.',
    ],
    [{ data: { ...data, expires_at: '2020-01-01T00:00:00Z' } }, 'data.expires_at must be in the future.'],
  ])('refuses %j', (body, sentence) => {
    expect(() => parseNewToken(body)).toThrow(sentence);
  });
});
