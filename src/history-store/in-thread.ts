import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import type { HistoryStoreSettings } from '../chat';
import { HistoryProblem } from '../chat/history/history-problem';
import { closingMs, openHistoryStore, warnProcess, type Warn } from './open';
import { toProblem } from './problems';
import type { Answer, Arguments, Method, Order, Result, Store, Warning } from './thread';

/** A store that keeps its caller's thread free: the driver of SQLite blocks the one it is used in, the others none. */
export function openBeside(settings: HistoryStoreSettings | HistoryProblem, warn?: Warn): Store {
  const blocks = !(settings instanceof HistoryProblem) && settings.address.kind === 'sqlite';
  return blocks ? openInThread(settings, warn) : openHistoryStore(settings, warn);
}

/** Who waits for an answer. With a method, so that any promise fits: its call and its answer have the same id. */
interface Waiting {
  resolve(value: unknown): void;
  reject(problem: HistoryProblem): void;
}

/**
 * As `openHistoryStore`, in a thread of its own that keeps the process alive only while somebody waits for an answer. It
 * is started by the first use. If it dies, what it was asked for rejects as `unreachable`, be it done or not, and the
 * next use starts another.
 */
export function openInThread(settings: HistoryStoreSettings, warn: Warn = warnProcess): Store {
  const waiting = new Map<number, Waiting>();
  let thread: Worker | undefined;
  let isClosed = false;
  let lastId = 0;

  const settle = (answer: Answer): void => {
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (waiting.size === 0 && !isClosed) thread?.unref();
    if ('problem' in answer) asked?.reject(new HistoryProblem(answer.problem));
    else asked?.resolve(answer.value);
  };

  const start = (): Worker =>
    startThread(settings)
      .on('message', (message: Answer | Warning) => {
        if ('warning' in message) warn(message.warning);
        else settle(message);
      })
      .on('exit', () => {
        thread = undefined;
        for (const id of [...waiting.keys()]) settle({ id, problem: isClosed ? 'closed' : 'unreachable' });
      });

  const ask = async <M extends Method>(
    method: M,
    args: Arguments[M],
    signal?: AbortSignal,
  ): Promise<Result<M>> => {
    if (isClosed) throw new HistoryProblem('closed');
    const id = ++lastId;
    const abort = () => thread?.postMessage({ abort: id } satisfies Order);
    try {
      thread ??= start();
      thread.postMessage({ id, method, args } satisfies Order);
      thread.ref();
      signal?.addEventListener('abort', abort);
      return await new Promise<Result<M>>((resolve, reject) => waiting.set(id, { resolve, reject }));
    } catch (error) {
      // Of the thread, or of what cannot be sent to it.
      throw toProblem(error);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  };

  return {
    save: (records) => ask('save', [records]),
    restore: (records) => ask('restore', [records]),
    listRecords: (...args) => ask('listRecords', args),
    listConversations: (...args) => ask('listConversations', args),
    listBuckets: (...args) => ask('listBuckets', args),
    countConversations: (scope) => ask('countConversations', [scope]),
    erase: (erasure) => ask('erase', [erasure]),
    prune: (beforeDay, signal) => ask('prune', [beforeDay, signal.aborted], signal),
    preparePartitions: (...args) => ask('preparePartitions', args),
    listSizes: () => ask('listSizes', []),
    listPartitions: () => ask('listPartitions', []),
    readBefore: (...args) => ask('readBefore', args),
    remove: (positions) => ask('remove', [positions]),
    dropEmptyPartitions: (beforeDay, signal) =>
      ask('dropEmptyPartitions', [beforeDay, signal.aborted], signal),
    migrated: () => ask('migrated', []),

    async close() {
      isClosed = true;
      const ending = thread;
      if (ending === undefined) return;
      const ended = new Promise((resolve) => ending.once('exit', resolve));
      ending.ref();
      ending.postMessage('close' satisfies Order);
      await Promise.race([ended, pause(closingMs, undefined, { ref: false })]);
      // In the middle of a statement it ends behind it: nobody waits for that.
      void ending.terminate();
    },
  };
}

function startThread(settings: HistoryStoreSettings): Worker {
  // Compiled, as this file has to be: with the loaders of its process it would be larger by all of them.
  const thread = new Worker(path.join(__dirname, 'thread.js'), {
    workerData: settings,
    env: {},
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 2 },
  });
  thread.unref();
  // Else it would end the process. The thread ends with it, and whoever waits is told then.
  return thread.on('error', () => undefined);
}
