import { setTimeout as pause } from 'node:timers/promises';
import { Worker, type WorkerOptions } from 'node:worker_threads';

import type { Answer, Order, Warning } from './calls';

/** The error of a failed call. Its code is one of the thread's codes, `died` or `closed`. */
export class ThreadProblem extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`The call of a thread failed: ${code}.`);
    this.name = 'ThreadProblem';
    this.code = code;
  }
}

export interface ThreadCaller {
  /** Calls a method of the thread. @throws ThreadProblem, or an error if the arguments cannot be sent. */
  call(method: string, args: readonly unknown[], signal?: AbortSignal): Promise<unknown>;
  /**
   * Asks the thread to close its resources, and terminates it after `ms` milliseconds at the latest.
   * A running statement delays the end of the thread, but `close` does not wait for that.
   */
  close(ms: number): Promise<void>;
}

export interface ThreadOptions {
  /** The compiled JavaScript file of the thread. The loaders of the process would make the thread larger. */
  readonly file: string;
  readonly workerData: unknown;
  readonly resourceLimits: NonNullable<WorkerOptions['resourceLimits']>;
  readonly warn?: (message: string) => void;
}

/** A caller that waits for an answer. The call and its answer have the same id. */
interface Waiting {
  resolve(value: unknown): void;
  reject(problem: ThreadProblem): void;
}

/**
 * Creates a caller of a thread. The first call starts the thread.
 * The thread keeps the process alive only while a caller waits for an answer.
 * If the thread dies, its open calls reject with `died`, whether or not they were done.
 * The next call then starts a new thread.
 */
export function createThreadCaller({ file, workerData, resourceLimits, warn }: ThreadOptions): ThreadCaller {
  const waiting = new Map<number, Waiting>();
  let thread: Worker | undefined;
  let isClosed = false;
  let lastId = 0;

  const settle = (answer: Answer): void => {
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (waiting.size === 0 && !isClosed) thread?.unref();
    if ('problem' in answer) asked?.reject(new ThreadProblem(answer.problem));
    else asked?.resolve(answer.value);
  };

  const start = (): Worker => {
    const started = new Worker(file, { workerData, resourceLimits, env: {}, execArgv: [] });
    started.unref();
    return (
      started
        .on('message', (message: Answer | Warning) => {
          if ('warning' in message) warn?.(message.warning);
          else settle(message);
        })
        // Without this listener, an error would end the process. The thread ends, and `exit` rejects the open calls.
        .on('error', () => undefined)
        .on('exit', () => {
          thread = undefined;
          for (const id of [...waiting.keys()]) settle({ id, problem: isClosed ? 'closed' : 'died' });
        })
    );
  };

  return {
    async call(method, args, signal) {
      if (isClosed) throw new ThreadProblem('closed');
      const id = ++lastId;
      const abort = () => thread?.postMessage({ abort: id } satisfies Order);
      try {
        thread ??= start();
        thread.postMessage({ id, method, args, isAborted: signal?.aborted === true } satisfies Order);
        thread.ref();
        signal?.addEventListener('abort', abort);
        return await new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
      } finally {
        signal?.removeEventListener('abort', abort);
      }
    },

    async close(ms) {
      isClosed = true;
      const ending = thread;
      if (ending === undefined) return;
      const ended = new Promise((resolve) => ending.once('exit', resolve));
      ending.ref();
      ending.postMessage('close' satisfies Order);
      await Promise.race([ended, pause(ms, undefined, { ref: false })]);
      // The thread ends after a running statement. Do not wait for that.
      void ending.terminate();
    },
  };
}
