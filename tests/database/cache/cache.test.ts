import { createCache } from '../../../src/database/cache/cache';
import { createGate } from '../../chat/support/collect';

describe('a cache', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    // lru-cache takes a start at 0 for none.
    jest.advanceTimersByTime(1);
  });
  afterEach(() => void jest.useRealTimers());

  it('returns a cached value until it expires', () => {
    const cache = createCache<string, number>(1_000, 10);
    cache.beginRead()('a', 1);
    jest.advanceTimersByTime(999);
    expect(cache.get('a')).toBe(1);
    jest.advanceTimersByTime(2);
    expect(cache.get('a')).toBeUndefined();
  });

  it('counts the lifetime of a value from the start of its read', () => {
    const cache = createCache<string, number>(1_000, 10);
    const write = cache.beginRead();
    jest.advanceTimersByTime(600);
    write('a', 1);
    expect(cache.get('a')).toBe(1);
    jest.advanceTimersByTime(401);
    expect(cache.get('a')).toBeUndefined();
  });

  it('does not cache a value whose read started before clear()', () => {
    const cache = createCache<string, number>(1_000, 10);
    const write = cache.beginRead();
    cache.clear();
    write('a', 1);
    expect(cache.get('a')).toBeUndefined();
  });

  it('evicts the entry that was used longest ago when it is full', () => {
    const cache = createCache<string, number>(1_000, 2);
    const write = cache.beginRead();
    write('a', 1);
    write('b', 2);
    write('a', 3);
    write('c', 4);
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([3, undefined, 4]);
  });

  it('removes one entry by forget() and all entries by clear()', () => {
    const cache = createCache<string, number>(1_000, 10);
    const write = cache.beginRead();
    write('a', 1);
    write('b', 2);
    cache.forget('a');
    expect([cache.get('a'), cache.get('b')]).toEqual([undefined, 2]);
    cache.clear();
    expect(cache.get('b')).toBeUndefined();
  });

  it('does not cache a load that started before forget()', async () => {
    const cache = createCache<string, string>(1_000, 10);
    const gate = createGate();
    const before = cache.read('a', async () => {
      await gate.opened;
      return 'before';
    });
    cache.forget('a');
    gate.open();
    expect(await before).toBe('before');
    expect(cache.get('a')).toBeUndefined();
  });

  it.each(['forget', 'clear'] as const)(
    'returns null from a load that finds nothing and started before %s()',
    async (drop) => {
      const cache = createCache<string, string>(1_000, 10);
      let find: (value: string | null) => void = () => undefined;
      const reading = cache.read('a', () => new Promise((resolve) => (find = resolve)));
      if (drop === 'forget') cache.forget('a');
      else cache.clear();
      find(null);
      expect(await reading).toBeNull();
    },
  );

  it('shares one load between concurrent readers, and then caches its value', async () => {
    const cache = createCache<string, number>(1_000, 10);
    const gate = createGate();
    let loads = 0;
    const load = async () => {
      loads += 1;
      await gate.opened;
      return loads;
    };
    const asked = [cache.read('a', load), cache.read('a', load), cache.read('b', load)];
    gate.open();
    expect(await Promise.all(asked)).toEqual([2, 2, 2]);
    expect(await cache.read('a', load)).toBe(2);
    expect(loads).toBe(2);
  });

  it('starts a new load after clear(), and caches only its value', async () => {
    const cache = createCache<string, string>(1_000, 10);
    const gate = createGate();
    const before = cache.read('a', async () => {
      await gate.opened;
      return 'before';
    });
    cache.clear();
    const after = cache.read('a', () => Promise.resolve('after'));
    gate.open();
    expect([await before, await after, cache.get('a')]).toEqual(['before', 'after', 'after']);
  });

  it('passes a failed load to all waiting readers, and loads again after a failure and after null', async () => {
    const cache = createCache<string, number>(1_000, 10);
    const gone = () => Promise.reject(new Error('gone'));
    const failed = await Promise.allSettled([cache.read('a', gone), cache.read('a', gone)]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await cache.read('a', () => Promise.resolve(null))).toBeNull();
    expect(await cache.read('a', () => Promise.resolve(1))).toBe(1);
  });
});
