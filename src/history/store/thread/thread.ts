import { parentPort, workerData } from 'node:worker_threads';

import type { HistoryStoreSettings } from '../../settings';
import type { Call } from '../../../threads/calls';
import { sendWarning, serve } from '../../../threads/server';
import { openHistoryStore, type Store } from '../open';
import { toProblem } from '../errors';

/** The methods that the thread offers. A signal is passed separately from the arguments. */
export type Method = Exclude<keyof Store, 'close'>;
export type Result<M extends Method> = Awaited<ReturnType<Store[M]>>;
export type Arguments<M extends Method> =
  Parameters<Store[M]> extends [...infer Rest, AbortSignal] ? Rest : Parameters<Store[M]>;

const interruptible: ReadonlySet<string> = new Set<Method>(['prune', 'dropEmptyPartitions']);

function run(store: Store, { method, args }: Call, signal: AbortSignal): Promise<unknown> {
  const methods = store as unknown as Readonly<Record<string, (...args: unknown[]) => Promise<unknown>>>;
  const given = interruptible.has(method) ? [...args, signal] : args;
  return methods[method]?.(...given) ?? Promise.reject(new Error(`The store has no ${method}.`));
}

// The program of the thread. `in-thread.ts` starts it with only the settings.
if (parentPort !== null) {
  const port = parentPort;
  const store = openHistoryStore(workerData as HistoryStoreSettings, (warning) => sendWarning(port, warning));
  serve(port, {
    run: (call, signal) => run(store, call, signal),
    toCode: (error) => toProblem(error).code,
    close: () => store.close(),
  });
}
