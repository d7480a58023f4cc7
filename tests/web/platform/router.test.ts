import { toPath, toRoute, type Route } from '../../../web/platform/router';

const read = (address: string) => toRoute(new URL(address, 'http://page'));

describe('the addresses of the chat page', () => {
  it.each<[string, Route]>([
    ['/chat/', { page: 'start' }],
    ['/chat/c/a%20b', { page: 'conversation', sessionId: 'a b' }],
    ['/chat/c/a?message=b%26c', { page: 'conversation', sessionId: 'a', messageId: 'b&c' }],
    ['/chat/login', { page: 'login' }],
    ['/chat/register?next=%2Fchat%2Fc%2Fa', { page: 'register', next: '/chat/c/a' }],
    ['/chat/account', { page: 'account' }],
    ['/chat/reset-password?code=x%26y', { page: 'reset-password', code: 'x&y' }],
  ])('%s opens its page, and the page has this address', (address, route) => {
    expect(read(address)).toEqual(route);
    expect(toPath(route)).toBe(address);
  });

  it.each(['/chat/unknown', '/chat/c/', '/chat/c'])('%s opens the start', (address) => {
    expect(read(address)).toEqual({ page: 'start' });
  });

  it('are read even if they are not valid UTF-8', () => {
    expect(read('/chat/c/%E0%A4%A')).toEqual({ page: 'conversation', sessionId: '%E0%A4%A' });
  });
});
