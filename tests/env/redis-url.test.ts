import { redisUrl } from '../../src/env/redis-url';

describe('the address of Redis', () => {
  it.each([
    'redis://redis',
    'redis://localhost:6379',
    'redis://localhost:6379/',
    'rediss://ann:p%40ss@redis.example:6380/2',
    'redis://[::1]:6379/15',
  ])('can be %s', (text) => {
    expect(redisUrl.parse(text)).toBe(text);
  });

  it.each([
    'localhost:6379',
    'http://redis',
    'redis://',
    'redis://host/name',
    'redis://host?db=1',
    'redis://a b',
  ])('cannot be %s', (text) => {
    const { error } = redisUrl.safeParse(text);
    expect(error?.issues[0]?.message).toMatch(/^must be the address of a Redis server/u);
    expect(error?.issues[0]?.message).not.toContain('localhost:6379');
  });
});
