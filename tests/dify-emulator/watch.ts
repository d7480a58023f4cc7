import type { RecordedRequest } from './requests';

/** Counts running chat responses. Callers can wait for the next request, or until no response is running. */
export type Watch = {
  /** Call it when a response begins. It returns a function to call when the response has ended. */
  readonly open: () => () => void;
  readonly arrived: (request: RecordedRequest) => void;
  readonly count: () => number;
  readonly next: () => Promise<RecordedRequest>;
  readonly idle: () => Promise<void>;
};

export function createWatch(): Watch {
  let count = 0;
  const awaitingRequest: ((request: RecordedRequest) => void)[] = [];
  const awaitingIdle: (() => void)[] = [];
  const ended = (): void => {
    if (--count > 0) return;
    for (const resolve of awaitingIdle.splice(0)) resolve();
  };
  return {
    open: () => {
      count++;
      return ended;
    },
    arrived: (request) => {
      for (const resolve of awaitingRequest.splice(0)) resolve(request);
    },
    count: () => count,
    next: () => new Promise((resolve) => awaitingRequest.push(resolve)),
    idle: () => (count === 0 ? Promise.resolve() : new Promise((resolve) => awaitingIdle.push(resolve))),
  };
}
