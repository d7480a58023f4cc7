import { ApiError, NetworkError } from './errors.ts';

export interface RetryOptions {
  /** How often a request is sent again before its error is thrown. Default: 5. */
  readonly retries?: number;
  /** The first pause. Each further one is twice as long. Default: 250. */
  readonly firstPauseMs?: number;
  /** The longest pause. Default: 8000. */
  readonly maxPauseMs?: number;
  /** A longer `Retry-After` is not waited for: its error is thrown. Default: 30. */
  readonly maxRetryAfterSeconds?: number;
  /** Waits. Tests can replace it. */
  readonly wait?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** Decides whether to try again after an error, and waits before it. */
export interface Retries {
  /** Returns after the pause. @throws the error if another try does not help. */
  pauseOrThrow(error: unknown, failures: number, request: Retried): Promise<void>;
  /** Waits before the next try, longer after each failure. */
  pause(failures: number, signal?: AbortSignal): Promise<void>;
}

export interface Retried {
  /** Whether a request that the server may have carried out can be sent again. */
  readonly isRepeatable: boolean;
  readonly signal?: AbortSignal | undefined;
}

export function createRetries(options: RetryOptions = {}): Retries {
  const {
    retries = 5,
    firstPauseMs = 250,
    maxPauseMs = 8_000,
    maxRetryAfterSeconds = 30,
    wait = sleep,
  } = options;

  return {
    async pauseOrThrow(error, failures, { isRepeatable, signal }) {
      signal?.throwIfAborted();
      const pauseMs = failures > retries ? null : pauseAfter(error, failures, isRepeatable);
      if (pauseMs === null) throw error;
      await wait(pauseMs, signal);
    },
    pause: (failures, signal) => wait(backoffAfter(failures), signal),
  };

  /** Clients that were cut off together do not come back together. */
  function backoffAfter(failures: number): number {
    return Math.min(maxPauseMs, firstPauseMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
  }

  /** Returns null if another try does not help. */
  function pauseAfter(error: unknown, failures: number, isRepeatable: boolean): number | null {
    const backoffMs = backoffAfter(failures);
    if (error instanceof NetworkError) return isRepeatable ? backoffMs : null;
    if (!(error instanceof ApiError) || 'turn_id' in error.details) return null;
    const { status, code, retryAfterSeconds } = error;
    // The server has not carried out a request that it refuses with 429.
    if (status !== 429 && !isRepeatable) return null;
    if (retryAfterSeconds !== null) {
      return retryAfterSeconds <= maxRetryAfterSeconds ? retryAfterSeconds * 1000 + backoffMs : null;
    }
    const isOfProxy = code === null && [502, 503, 504].includes(status);
    return isOfProxy ? backoffMs : null;
  }
}

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller chose the reason
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
