import { setTimeout as pause } from 'node:timers/promises';
import { Worker, type WorkerOptions } from 'node:worker_threads';

import type { Answer, Order, Warning } from './calls';

/** Why a call failed, by a code: one of the thread's own, or `died` or `closed`. */
export class ThreadProblem extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`The call of a thread failed: ${code}.`);
    this.name = 'ThreadProblem';
    this.code = code;
  }
}

export interface ThreadCaller {
  /** @throws ThreadProblem, or why the arguments cannot be sent. */
  call(method: string, args: readonly unknown[], signal?: AbortSignal): Promise<unknown>;
  /** Has it close what it has open, and ends it after `ms` at the latest: in the middle of a statement, behind that. */
  close(ms: number): Promise<void>;
}

export interface ThreadOptions {
  /** Its program, compiled: with the loaders of its process it would be larger by all of them. */
  readonly file: string;
  readonly workerData: unknown;
  readonly resourceLimits: NonNullable<WorkerOptions['resourceLimits']>;
  readonly warn?: (message: string) => void;
}

/** Who waits for an answer: its call and its answer have the same id. */
interface Waiting {
  resolve(value: unknown): void;
  reject(problem: ThreadProblem): void;
}

/**
 * Calls a thread, which is started by the first call and keeps the process alive only while somebody waits for an answer.
 * If it dies, what it was called for rejects as `died`, be it done or not, and the next call starts another.
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
        // Else it would end the process. The thread ends with it, and whoever waits is told then.
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
      // In the middle of a statement it ends behind it: nobody waits for that.
      void ending.terminate();
    },
  };
}
