import { startTidyingHistory } from '../../../src/strapi/jobs/tidy-history';
import { recordingLog } from '../../chat/support/fixtures';

const oneMinuteMs = 60_000;
const oneDayMs = 86_400_000;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Starts tidying with scripted rounds. A result is a number of removed records or an error. */
function startWith(results: readonly (number | Error)[]) {
  const log = recordingLog();
  let rounds = 0;
  const tidying = startTidyingHistory({
    async tidy() {
      const result = results[rounds] ?? 0;
      rounds += 1;
      if (result instanceof Error) throw result;
      return result;
    },
    log,
  });
  return { tidying, log, rounds: () => rounds };
}

describe('startTidyingHistory', () => {
  it('waits at most five seconds for a hanging round when it is stopped', async () => {
    const tidying = startTidyingHistory({ tidy: () => new Promise(() => undefined), log: recordingLog() });
    await jest.advanceTimersByTimeAsync(oneMinuteMs);
    let isStopped = false;
    const stopping = tidying.stop().then(() => (isStopped = true));
    await jest.advanceTimersByTimeAsync(4_900);
    expect(isStopped).toBe(false);
    await jest.advanceTimersByTimeAsync(200);
    expect(isStopped).toBe(true);
    await stopping;
  });

  it('tidies a minute after the start and then once a day', async () => {
    const { tidying, log, rounds } = startWith([3, 0]);
    await jest.advanceTimersByTimeAsync(oneMinuteMs - 1);
    expect(rounds()).toBe(0);
    await jest.advanceTimersByTimeAsync(oneDayMs);
    expect(rounds()).toBe(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(rounds()).toBe(2);
    expect(log.lines).toEqual(['info Removed 3 records from the history that were too old.']);
    await tidying.stop();
    await jest.advanceTimersByTimeAsync(3 * oneDayMs);
    expect(rounds()).toBe(2);
  });

  it('retries ten minutes after a failure, and logs it without the error message', async () => {
    const { tidying, log, rounds } = startWith([new Error('a secret'), 0]);
    await jest.advanceTimersByTimeAsync(oneMinuteMs + 600_000 - 1);
    expect(rounds()).toBe(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(rounds()).toBe(2);
    expect(log.lines).toEqual([expect.stringMatching(/^error The history could not be tidied: Error/u)]);
    expect(log.lines.join()).not.toContain('secret');
    await tidying.stop();
  });

  it('never tidies if it is stopped first', async () => {
    const { tidying, rounds } = startWith([]);
    await tidying.stop();
    await jest.advanceTimersByTimeAsync(oneDayMs);
    expect(rounds()).toBe(0);
  });

  it('aborts a running round on stop, and waits for its end', async () => {
    let end = () => {};
    let isTold = false;
    const { stop } = startTidyingHistory({
      tidy: (signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => (isTold = true));
          end = () => resolve(0);
        }),
      log: recordingLog(),
    });
    await jest.advanceTimersByTimeAsync(oneMinuteMs);
    let hasStopped = false;
    const stopping = stop().then(() => (hasStopped = true));
    await jest.advanceTimersByTimeAsync(1_000);
    expect([isTold, hasStopped]).toEqual([true, false]);
    end();
    await stopping;
    expect(jest.getTimerCount()).toBe(0);
  });
});
