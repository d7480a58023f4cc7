import { createAlarm } from '../../../src/history/copying/alarm';

const tookMs = async (work: Promise<void>) => {
  const since = performance.now();
  await work;
  return performance.now() - since;
};

describe('createAlarm', () => {
  afterEach(() => jest.useRealTimers());

  it('resolves after the requested time', async () => {
    expect(await tookMs(createAlarm().after(300))).toBeGreaterThan(150);
  });

  it('resolves earlier after ringWithin, and repeated calls do not postpone it', async () => {
    const alarm = createAlarm();
    const rung = alarm.after(60_000);
    const again = setInterval(() => alarm.ringWithin(40), 5);
    expect(await tookMs(rung)).toBeLessThan(10_000);
    clearInterval(again);
  });

  it('does not resolve later when ringWithin asks for a longer time', async () => {
    const alarm = createAlarm();
    const rung = alarm.after(20);
    alarm.ringWithin(60_000);
    expect(await tookMs(rung)).toBeLessThan(10_000);
  });

  it('does not end the next wait with the timer of a wait that ended early', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    const alarm = createAlarm();
    const first = alarm.after(60);
    alarm.ringWithin(10);
    await jest.advanceTimersByTimeAsync(10);
    await first;
    let hasRung = false;
    void alarm.after(1_000).then(() => (hasRung = true));
    await jest.advanceTimersByTimeAsync(999);
    expect(hasRung).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(hasRung).toBe(true);
  });

  it('ignores ringWithin while nobody waits', async () => {
    const alarm = createAlarm();
    alarm.ringWithin(0);
    await alarm.after(1);
    alarm.ringWithin(0);
    expect(await tookMs(alarm.after(300))).toBeGreaterThan(150);
  });
});
