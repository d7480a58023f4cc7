import { createCache } from '../../../src/database/cache/cache';
import { createGate } from '../../chat/support/collect';

describe('a cache', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('returns a cached value until it expires', () => {
    const memory = createCache<string, number>(1_000, 10);
    memory.beginRead()('a', 1);
    jest.advanceTimersByTime(999);
    expect(memory.get('a')).toBe(1);
    jest.advanceTimersByTime(1);
    expect(memory.get('a')).toBeUndefined();
  });

  it('counts the lifetime of a value from the start of its read', () => {
    const memory = createCache<string, number>(1_000, 10);
    const remember = memory.beginRead();
    jest.advanceTimersByTime(600);
    remember('a', 1);
    jest.advanceTimersByTime(400);
    expect(memory.get('a')).toBeUndefined();
  });

  it('does not cache a value whose read started before clear()', () => {
    const memory = createCache<string, number>(1_000, 10);
    const remember = memory.beginRead();
    memory.clear();
    remember('a', 1);
    expect(memory.get('a')).toBeUndefined();
  });

  it('evicts the oldest entry when it is full', () => {
    const memory = createCache<string, number>(1_000, 2);
    const remember = memory.beginRead();
    remember('a', 1);
    remember('b', 2);
    remember('a', 3);
    remember('c', 4);
    expect([memory.get('a'), memory.get('b'), memory.get('c')]).toEqual([3, undefined, 4]);
  });

  it('removes one entry by forget() and all entries by clear()', () => {
    const memory = createCache<string, number>(1_000, 10);
    const remember = memory.beginRead();
    remember('a', 1);
    remember('b', 2);
    memory.forget('a');
    expect([memory.get('a'), memory.get('b')]).toEqual([undefined, 2]);
    memory.clear();
    expect(memory.get('b')).toBeUndefined();
  });

  it('does not cache a load that started before forget()', async () => {
    const memory = createCache<string, string>(1_000, 10);
    const gate = createGate();
    const before = memory.read('a', async () => {
      await gate.opened;
      return 'before';
    });
    memory.forget('a');
    gate.open();
    expect(await before).toBe('before');
    expect(memory.get('a')).toBeUndefined();
  });

  it('shares one load between concurrent readers, and then caches its value', async () => {
    const memory = createCache<string, number>(1_000, 10);
    const gate = createGate();
    let loads = 0;
    const load = async () => {
      loads += 1;
      await gate.opened;
      return loads;
    };
    const asked = [memory.read('a', load), memory.read('a', load), memory.read('b', load)];
    gate.open();
    expect(await Promise.all(asked)).toEqual([2, 2, 2]);
    expect(await memory.read('a', load)).toBe(2);
    expect(loads).toBe(2);
  });

  it('starts a new load after clear(), and caches only its value', async () => {
    const memory = createCache<string, string>(1_000, 10);
    const gate = createGate();
    const before = memory.read('a', async () => {
      await gate.opened;
      return 'before';
    });
    memory.clear();
    const after = memory.read('a', () => Promise.resolve('after'));
    gate.open();
    expect([await before, await after, memory.get('a')]).toEqual(['before', 'after', 'after']);
  });

  it('passes a failed load to all waiting readers, and loads again after a failure and after null', async () => {
    const memory = createCache<string, number>(1_000, 10);
    const gone = () => Promise.reject(new Error('gone'));
    const failed = await Promise.allSettled([memory.read('a', gone), memory.read('a', gone)]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await memory.read('a', () => Promise.resolve(null))).toBeNull();
    expect(await memory.read('a', () => Promise.resolve(1))).toBe(1);
  });
});
