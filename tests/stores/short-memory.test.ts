import { createShortMemory } from '../../src/stores/short-memory';

describe('a short memory', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('knows for a while what was read', () => {
    const memory = createShortMemory<string, number>(1_000, 10);
    memory.beginReading()('a', 1);
    jest.advanceTimersByTime(999);
    expect(memory.get('a')).toBe(1);
    jest.advanceTimersByTime(1);
    expect(memory.get('a')).toBeUndefined();
  });

  it('counts the while from when the reading began', () => {
    const memory = createShortMemory<string, number>(1_000, 10);
    const remember = memory.beginReading();
    jest.advanceTimersByTime(600);
    remember('a', 1);
    jest.advanceTimersByTime(400);
    expect(memory.get('a')).toBeUndefined();
  });

  it('does not take what was read before everything was forgotten', () => {
    const memory = createShortMemory<string, number>(1_000, 10);
    const remember = memory.beginReading();
    memory.forgetAll();
    remember('a', 1);
    expect(memory.get('a')).toBeUndefined();
  });

  it('lets the oldest go when it is full', () => {
    const memory = createShortMemory<string, number>(1_000, 2);
    const remember = memory.beginReading();
    remember('a', 1);
    remember('b', 2);
    remember('a', 3);
    remember('c', 4);
    expect([memory.get('a'), memory.get('b'), memory.get('c')]).toEqual([3, undefined, 4]);
  });

  it('forgets one, or all', () => {
    const memory = createShortMemory<string, number>(1_000, 10);
    const remember = memory.beginReading();
    remember('a', 1);
    remember('b', 2);
    memory.forget('a');
    expect([memory.get('a'), memory.get('b')]).toEqual([undefined, 2]);
    memory.forgetAll();
    expect(memory.get('b')).toBeUndefined();
  });
});
