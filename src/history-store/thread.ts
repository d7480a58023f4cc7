import { parentPort, workerData, type MessagePort } from 'node:worker_threads';

import type { HistoryMaintenance, HistoryProblemCode, HistoryStore, HistoryStoreSettings } from '../chat';
import { openHistoryStore } from './open';
import { toProblem } from './problems';

export type Store = HistoryStore & HistoryMaintenance;

type Interruptible = 'prune' | 'dropEmptyPartitions';
/** What can be asked of the thread. A signal does not cross: whether it has fired does, and later that it has. */
type Asked = Omit<Store, 'close' | Interruptible> & {
  readonly [M in Interruptible]: (beforeDay: string, isAborted: boolean) => ReturnType<Store[M]>;
};
export type Method = keyof Asked;
export type Arguments = { readonly [M in Method]: Parameters<Asked[M]> };
export type Result<M extends Method> = Awaited<ReturnType<Asked[M]>>;
type Methods = { readonly [M in Method]: (...args: Arguments[M]) => Promise<unknown> };

interface Call<M extends Method> {
  readonly id: number;
  readonly method: M;
  readonly args: Arguments[M];
}

export type Order = Call<Method> | { readonly abort: number } | 'close';
/** Of a problem its code alone: what a driver says can hold passwords, SQL and what people wrote. */
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly problem: HistoryProblemCode };
/** Comes unasked: see `Warn`. */
export interface Warning {
  readonly warning: string;
}

function run<M extends Method>(methods: Methods, { method, args }: Call<M>): Promise<unknown> {
  return methods[method](...args);
}

function serve(port: MessagePort, store: Store): void {
  const running = new Map<number, AbortController>();

  const answer = async (call: Call<Method>): Promise<void> => {
    const controller = new AbortController();
    running.set(call.id, controller);
    const signalOf = (isAborted: boolean) => (isAborted ? AbortSignal.abort() : controller.signal);
    const methods: Methods = {
      ...store,
      prune: (beforeDay, isAborted) => store.prune(beforeDay, signalOf(isAborted)),
      dropEmptyPartitions: (beforeDay, isAborted) =>
        store.dropEmptyPartitions(beforeDay, signalOf(isAborted)),
    };
    const tell = (message: Answer) => port.postMessage(message);
    try {
      tell({ id: call.id, value: await run(methods, call) });
    } catch (error) {
      tell({ id: call.id, problem: toProblem(error).code });
    } finally {
      running.delete(call.id);
    }
  };

  port.on('message', (order: Order) => {
    if (order === 'close') void store.close().finally(() => process.exit());
    else if ('abort' in order) running.get(order.abort)?.abort();
    else void answer(order);
  });
}

// The thread's own program: `in-thread.ts` starts it with nothing but settings.
if (parentPort !== null) {
  const port = parentPort;
  const warn = (warning: string) => port.postMessage({ warning } satisfies Warning);
  serve(port, openHistoryStore(workerData as HistoryStoreSettings, warn));
}
