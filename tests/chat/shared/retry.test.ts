import { doubling, retry, type Failure } from '../../../src/chat/shared/retry';
import { thrown } from '../support/collect';

/** Returns work that fails a number of times, and then returns how often it was called. */
function failing(times: number) {
  let calls = 0;
  return {
    calls: () => calls,
    async work(): Promise<number> {
      calls += 1;
      if (calls <= times) throw new Error(`failure ${calls}`);
      return calls;
    },
  };
}

describe('retry', () => {
  it('calls the work until it succeeds, and reports each failure', async () => {
    const failures: Failure[] = [];
    const options = {
      pauseMs: doubling(1, 3),
      onFailed: (_: unknown, failure: Failure) => failures.push(failure),
    };
    expect(await retry(failing(3).work, options)).toBe(4);
    expect(failures).toEqual([
      { failures: 1, nextInMs: 1 },
      { failures: 2, nextInMs: 2 },
      { failures: 3, nextInMs: 3 },
    ]);
  });

  it('throws the last error after the last try', async () => {
    const { work, calls } = failing(9);
    const failures: Failure[] = [];
    const options = { tries: 3, onFailed: (_: unknown, failure: Failure) => failures.push(failure) };
    expect(await thrown(retry(work, options))).toMatchObject({ message: 'failure 3' });
    expect([calls(), failures.at(-1)]).toEqual([3, { failures: 3, nextInMs: undefined }]);
  });

  it('throws an error that no retry can change', async () => {
    const { work, calls } = failing(9);
    expect(await thrown(retry(work, { isRetryable: () => false }))).toMatchObject({ message: 'failure 1' });
    expect(calls()).toBe(1);
  });

  it('begins no call after its time', async () => {
    const { work, calls } = failing(9);
    await thrown(retry(work, { pauseMs: () => 60_000, forMs: 1_000 }));
    expect(calls()).toBe(1);
  });

  it('ends a pause when its signal fires, and calls the work once more', async () => {
    const { work, calls } = failing(9);
    const ending = new AbortController();
    const onFailed = () => setImmediate(() => ending.abort());
    await thrown(retry(work, { pauseMs: () => 60_000, signal: ending.signal, onFailed }));
    expect(calls()).toBe(2);
  });
});
