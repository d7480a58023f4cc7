import { userRoute } from '../../src/http/user-route';
import type { RouteDescription } from '../../src/http/operation';

const description = { id: 'test', summary: 'Test', reply: {} };

const scopeOf = (method: string, given: Partial<RouteDescription> = {}) =>
  userRoute(method, '/test', 'test.test', { ...description, ...given }).config.tokenScope;

describe('the scope that a personal token needs for a route', () => {
  it('is read for GET, and ask for other methods', () => {
    expect(['GET', 'POST', 'PATCH', 'PUT', 'DELETE'].map((method) => scopeOf(method))).toEqual([
      'read',
      ...['ask', 'ask', 'ask', 'ask'],
    ]);
  });

  it('is the one that the description names', () => {
    expect(scopeOf('GET', { tokenScope: 'ask' })).toBe('ask');
    expect(scopeOf('POST', { tokenScope: 'read' })).toBe('read');
  });

  it('does not exist if the description refuses personal tokens', () => {
    expect(scopeOf('GET', { tokenScope: 'none' })).toBeUndefined();
  });
});
