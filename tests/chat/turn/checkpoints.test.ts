import { createCheckpoints } from '../../../src/chat/turn/checkpoints';
import { createGate } from '../support/collect';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const everyMs = 1_000;

/** Creates checkpoints whose saves take `ms`, and records the saves. */
function recording({ ms = 0, intervalMs = everyMs } = {}) {
  const startedAt = Date.now();
  const saves: { readonly at: number; readonly running: number }[] = [];
  const failures: unknown[] = [];
  let running = 0;
  const checkpoints = createCheckpoints({
    everyMs: intervalMs,
    save: async () => {
      running += 1;
      saves.push({ at: Date.now() - startedAt, running });
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
      running -= 1;
    },
    onFailed: (error) => failures.push(error),
  });
  return { checkpoints, startedAt, saves, failures, times: () => saves.map(({ at }) => at) };
}

describe('createCheckpoints', () => {
  it('saves nothing while no change is due', async () => {
    const { checkpoints, saves } = recording();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(saves).toEqual([]);
    await checkpoints.stop();
  });

  it('saves soon after the first change is due', async () => {
    const { checkpoints, times } = recording();
    checkpoints.due();
    expect(times()).toEqual([]);
    await jest.advanceTimersByTimeAsync(101);
    expect(times()).toHaveLength(1);
    await checkpoints.stop();
  });

  it('saves the first change equally soon with a long interval', async () => {
    const { checkpoints, times } = recording({ intervalMs: 60_000 });
    // The middle between two save times, which are six seconds apart.
    await jest.advanceTimersByTimeAsync(9_000 - (performance.now() % 6_000));
    checkpoints.due();
    await jest.advanceTimersByTimeAsync(101);
    expect(times()).toHaveLength(1);
    await checkpoints.stop();
  });

  it('saves nothing of a turn that ends before its first save time', async () => {
    // 20 ms after a save time, independent of the clock.
    const { checkpoints, saves } = recording();
    await jest.advanceTimersByTimeAsync(100 - (performance.now() % 100) + 20);
    checkpoints.due();
    await jest.advanceTimersByTimeAsync(60);
    checkpoints.due();
    await checkpoints.stop();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(saves).toEqual([]);
  });

  it('saves at most once per interval, however often a change is due', async () => {
    const { checkpoints, times } = recording();
    for (let ms = 0; ms < 10_000; ms += 10) {
      checkpoints.due();
      await jest.advanceTimersByTimeAsync(10);
    }
    await checkpoints.stop();
    const gaps = times()
      .slice(1)
      .map((at, index) => at - (times()[index] ?? 0));
    expect(times().length).toBeGreaterThanOrEqual(9);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(everyMs);
  });

  it('saves all turns at the same ten times of an interval', async () => {
    const recordings = Array.from({ length: 50 }, () => recording());
    const saved: number[] = [];
    for (const { checkpoints } of recordings) {
      checkpoints.due();
      await jest.advanceTimersByTimeAsync(20);
      checkpoints.due();
    }
    await jest.advanceTimersByTimeAsync(2 * everyMs);
    for (const { checkpoints, saves, startedAt } of recordings) {
      saved.push(startedAt + (saves[1]?.at ?? 0));
      await checkpoints.stop();
    }
    saved.sort((one, other) => one - other);
    // Timers use whole milliseconds, so one save time may spread over two of them.
    const moments = saved.filter((at, index) => at - (saved[index - 1] ?? 0) > 2);
    expect(moments.length).toBeLessThanOrEqual(12);
  });

  it('saves at the end of the interval a change that was due during it', async () => {
    const { checkpoints, times } = recording();
    checkpoints.due();
    await jest.advanceTimersByTimeAsync(500);
    checkpoints.due();
    await jest.advanceTimersByTimeAsync(400);
    expect(times()).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(300);
    expect(times()).toHaveLength(2);
    await checkpoints.stop();
  });

  it('saves each change once, and continues with the next change', async () => {
    const { checkpoints, times } = recording();
    checkpoints.due();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(times()).toHaveLength(1);
    checkpoints.due();
    await jest.advanceTimersByTimeAsync(101);
    expect(times()).toHaveLength(2);
    await checkpoints.stop();
  });

  it('never runs two saves at the same time, even if one takes longer than the interval', async () => {
    const { checkpoints, saves } = recording({ ms: 3_500 });
    for (let ms = 0; ms < 20_000; ms += 100) {
      checkpoints.due();
      await jest.advanceTimersByTimeAsync(100);
    }
    expect(saves.length).toBeGreaterThan(3);
    expect(saves.filter(({ running }) => running > 1)).toEqual([]);
    const stopped = checkpoints.stop();
    await jest.advanceTimersByTimeAsync(5_000);
    await stopped;
  });

  it('saves a change that was due during another save', async () => {
    const { checkpoints, times } = recording({ ms: 200 });
    checkpoints.due();
    await jest.advanceTimersByTimeAsync(101);
    checkpoints.due();
    await jest.advanceTimersByTimeAsync(2_000);
    expect(times()).toHaveLength(2);
    await checkpoints.stop();
  });

  it('continues after a failed save, and reports it', async () => {
    const failure = new Error('disk full');
    const failures: unknown[] = [];
    let saves = 0;
    const checkpoints = createCheckpoints({
      everyMs,
      save: async () => {
        saves += 1;
        if (saves === 1) throw failure;
      },
      onFailed: (error) => failures.push(error),
    });
    checkpoints.due();
    await jest.advanceTimersByTimeAsync(101);
    checkpoints.due();
    await jest.advanceTimersByTimeAsync(2_000);
    expect(failures).toEqual([failure]);
    expect(saves).toBe(2);
    await checkpoints.stop();
  });

  it('starts no save after stop(), even if one was due', async () => {
    const { checkpoints, saves } = recording();
    checkpoints.due();
    await jest.advanceTimersByTimeAsync(500);
    checkpoints.due();
    await checkpoints.stop();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(saves).toHaveLength(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('starts no save after stop() when a save outlasts its interval', async () => {
    const { checkpoints, saves } = recording({ ms: 3_500 });
    checkpoints.due();
    await jest.advanceTimersByTimeAsync(2_000);
    checkpoints.due();
    const stopped = checkpoints.stop();
    await jest.advanceTimersByTimeAsync(10_000);
    await stopped;
    expect(saves).toHaveLength(1);
  });

  it('stops only when the running save is done', async () => {
    const gate = createGate();
    const checkpoints = createCheckpoints({ everyMs, save: () => gate.opened, onFailed: () => undefined });
    checkpoints.due();
    await jest.advanceTimersByTimeAsync(5_000);
    let isStopped = false;
    const stopped = checkpoints.stop().then(() => (isStopped = true));
    await jest.advanceTimersByTimeAsync(5_000);
    expect(isStopped).toBe(false);
    gate.open();
    await stopped;
    expect(jest.getTimerCount()).toBe(0);
  });

  it('starts no save for a change after stop()', async () => {
    const { checkpoints, saves } = recording();
    await checkpoints.stop();
    checkpoints.due();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(saves).toEqual([]);
  });
});
