import { NetworkError } from './errors.ts';

/** Ends a request when its caller aborts it, or when the server is silent for too long. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Starts the time again. Call it before waiting for the server. */
  start(): void;
  /** Stops the time, while the caller is busy with what has arrived. */
  pause(): void;
  /** Aborts the request and frees the timer. */
  end(): void;
}

export function createDeadline(ms: number, caller?: AbortSignal): Deadline {
  const controller = new AbortController();
  const timeout = () => controller.abort(new NetworkError(`The server was silent for ${ms / 1000} seconds.`));
  const onAbort = () => controller.abort(caller?.reason);
  if (caller?.aborted) onAbort();
  caller?.addEventListener('abort', onAbort, { once: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    signal: controller.signal,
    start() {
      clearTimeout(timer);
      timer = setTimeout(timeout, ms);
    },
    pause: () => clearTimeout(timer),
    end() {
      clearTimeout(timer);
      caller?.removeEventListener('abort', onAbort);
      controller.abort();
    },
  };
}
