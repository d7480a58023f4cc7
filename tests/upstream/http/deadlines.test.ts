import { startDeadlines, type Deadlines } from '../../../src/upstream/http/deadlines';
import type { ChatError } from '../../../src/chat/errors';

const settings = {
  connectTimeoutMs: 10,
  firstByteTimeoutMs: 100,
  idleTimeoutMs: 50,
  totalTimeoutMs: 1_000,
  endTimeoutMs: 20,
};

let expired: ChatError[];
let deadlines: Deadlines;

beforeEach(() => {
  jest.useFakeTimers();
  expired = [];
  deadlines = startDeadlines(settings, (error) => expired.push(error));
});

afterEach(() => {
  deadlines.cancel();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

function ends(): readonly unknown[] {
  return expired.map(({ code, cause }) => ({ code, cause }));
}

describe('startDeadlines', () => {
  it('expires if no connection is established in time', () => {
    jest.advanceTimersByTime(9);
    expect(ends()).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(ends()).toEqual([{ code: 'upstream-unreachable', cause: { expired: 'connect' } }]);
  });

  it('expires if no first byte arrives in time after the connection', () => {
    deadlines.connected();
    jest.advanceTimersByTime(99);
    expect(ends()).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(ends()).toEqual([{ code: 'upstream-timeout', cause: { expired: 'first byte' } }]);
  });

  it('expires if no byte arrives for the idle timeout, and restarts with each byte', () => {
    deadlines.connected();
    deadlines.received();
    for (let times = 0; times < 5; times += 1) {
      jest.advanceTimersByTime(49);
      deadlines.received();
    }
    jest.advanceTimersByTime(49);
    expect(ends()).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(ends()).toEqual([{ code: 'upstream-interrupted', cause: { expired: 'idle' } }]);
  });

  it('expires at the total timeout, however often bytes arrive', () => {
    deadlines.connected();
    for (let ms = 0; ms < 1_000; ms += 40) {
      deadlines.received();
      jest.advanceTimersByTime(40);
    }
    expect(ends()).toEqual([{ code: 'upstream-interrupted', cause: { expired: 'total' } }]);
  });

  it('does not wait for a first byte again if the connection is reported late', () => {
    deadlines.received();
    deadlines.connected();
    jest.advanceTimersByTime(50);
    expect(ends()).toEqual([{ code: 'upstream-interrupted', cause: { expired: 'idle' } }]);
  });

  it('expires once and leaves no timer', () => {
    jest.advanceTimersByTime(10);
    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(10_000);
    expect(expired).toHaveLength(1);
  });

  it('never expires after cancel()', () => {
    deadlines.connected();
    deadlines.received();
    deadlines.cancel();
    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(10_000);
    expect(ends()).toEqual([]);
  });

  it('expires if the last events take too long, whatever else arrives', () => {
    deadlines.connected();
    deadlines.received();
    deadlines.ending(true, true);
    jest.advanceTimersByTime(19);
    deadlines.received();
    deadlines.ending(true, false);
    jest.advanceTimersByTime(1);
    expect(ends()).toEqual([{ code: 'upstream-interrupted', cause: { expired: 'end' } }]);
  });

  it('gives the last events time again after each needed one', () => {
    deadlines.connected();
    deadlines.received();
    deadlines.ending(true, true);
    jest.advanceTimersByTime(19);
    deadlines.received();
    deadlines.ending(true, true);
    jest.advanceTimersByTime(19);
    expect(ends()).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(ends()).toEqual([{ code: 'upstream-interrupted', cause: { expired: 'end' } }]);
  });

  it('does not expire if the reply turns out not to end', () => {
    deadlines.connected();
    deadlines.received();
    deadlines.ending(true, true);
    deadlines.ending(false, true);
    jest.advanceTimersByTime(40);
    expect(ends()).toEqual([]);
  });
});
