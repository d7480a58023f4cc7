import type { MessagePort } from 'node:worker_threads';

import type { Answer, Call, Order, Warning } from './calls';

export interface Served {
  /** Runs a call. The result must be a value that a thread can send. */
  run(call: Call, signal: AbortSignal): unknown;
  /** Returns the code that the thread sends for an error of `run`. */
  toCode(error: unknown): string;
  close(): void | Promise<void>;
}

/** Answers the calls of the parent thread. The thread ends when the parent sends `close`. */
export function serve(port: MessagePort, { run, toCode, close }: Served): void {
  const running = new Map<number, AbortController>();

  const answer = async (call: Call): Promise<void> => {
    const controller = new AbortController();
    if (call.isAborted) controller.abort();
    running.set(call.id, controller);
    const tell = (message: Answer) => port.postMessage(message);
    try {
      tell({ id: call.id, value: await run(call, controller.signal) });
    } catch (error) {
      tell({ id: call.id, problem: toCode(error) });
    } finally {
      running.delete(call.id);
    }
  };

  port.on('message', (order: Order) => {
    if (order === 'close') void Promise.resolve(close()).finally(() => process.exit());
    else if ('abort' in order) running.get(order.abort)?.abort();
    else void answer(order);
  });
}

export function sendWarning(port: MessagePort, warning: string): void {
  port.postMessage({ warning } satisfies Warning);
}
