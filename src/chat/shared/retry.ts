import { setTimeout as pause } from 'node:timers/promises';

export interface RetryOptions {
  /** Returns the pause in ms after a number of failures. By default, there is no pause. */
  readonly pauseMs?: (failures: number) => number;
  /** The most calls of `work`. By default, there is no limit. */
  readonly tries?: number;
  /** No call begins later than this many ms after the first one. By default, there is no limit. */
  readonly forMs?: number;
  /** Ends a pause. `work` is then called once more, for the last time. */
  readonly signal?: AbortSignal;
  /** Returns whether another call can succeed after this error. By default, it always can. */
  readonly isRetryable?: (error: unknown) => boolean;
  readonly onFailed?: (error: unknown, failure: Failure) => void;
}

export interface Failure {
  /** How many calls have failed so far. */
  readonly failures: number;
  /** The pause in ms until the next call. Undefined if there is none. */
  readonly nextInMs: number | undefined;
}

/** Calls `work` until it succeeds. @throws the error of the last call. */
export async function retry<T>(work: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { pauseMs = () => 0, tries = Infinity, forMs = Infinity, signal } = options;
  const untilMs = performance.now() + forMs;
  for (let failures = 1; ; failures += 1) {
    const nextInMs = pauseMs(failures);
    const isLast = signal?.aborted === true || failures >= tries || performance.now() + nextInMs > untilMs;
    try {
      return await work();
    } catch (error) {
      const isOver = isLast || options.isRetryable?.(error) === false;
      options.onFailed?.(error, { failures, nextInMs: isOver ? undefined : nextInMs });
      if (isOver) throw error;
    }
    if (nextInMs > 0) await pause(nextInMs, undefined, signal && { signal }).catch(() => undefined);
  }
}

/** Returns pauses that double, from the first to the longest. */
export const doubling =
  (firstMs: number, longestMs: number) =>
  (failures: number): number =>
    Math.min(firstMs * 2 ** (failures - 1), longestMs);
