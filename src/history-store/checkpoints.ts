import { Worker } from 'node:worker_threads';

/** SQLite's moving of what was committed from its log into the file: it waits for the disk, and so would the process. */
export interface Checkpoints {
  /** Some time soon. */
  request(): void;
  /** When the one that is being made is done. */
  done(): Promise<void>;
  close(): Promise<void>;
}

/**
 * In a thread with a connection of its own. It is text because it has no other file to be loaded from, compiled or not.
 */
const program = `
  const { parentPort, workerData } = require('node:worker_threads');
  const Database = require(workerData.driver);
  const database = new Database(workerData.filename, { fileMustExist: true });
  parentPort.on('message', (wish) => {
    if (wish === 'close') {
      database.close();
      parentPort.close();
      return;
    }
    try { database.pragma('wal_checkpoint(PASSIVE)'); } catch {}
    parentPort.postMessage('done');
  });
`;

/** From the first commit on. After each checkpoint the next commit waits for the disk once, so there are not many. */
const delayMs = 500;

export function createCheckpoints(filename: string): Checkpoints {
  let worker: Worker | undefined;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let isClosed = false;

  const checkpoint = async (): Promise<void> => {
    timer = undefined;
    try {
      worker ??= startWorker(filename);
      await askOnce(worker);
    } catch {
      // A thread that died is replaced by the next request; until then the log grows, and nothing else.
      worker = undefined;
    } finally {
      running = undefined;
    }
  };

  return {
    request() {
      if (isClosed || running !== undefined) return;
      timer ??= setTimeout(() => {
        running = checkpoint();
      }, delayMs).unref();
    },
    async done() {
      await running;
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await running;
      const ending = worker;
      worker = undefined;
      if (ending === undefined) return;
      const ended = new Promise((resolve) => ending.once('exit', resolve));
      ending.postMessage('close');
      await ended;
    },
  };
}

function startWorker(filename: string): Worker {
  const worker = new Worker(program, {
    eval: true,
    workerData: { filename, driver: require.resolve('better-sqlite3') },
  });
  worker.on('error', () => undefined);
  return worker;
}

function askOnce(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => () => {
      worker.off('message', done).off('error', failed).off('exit', failed);
      // Without work it keeps no process alive.
      worker.unref();
      act();
    };
    const done = settle(resolve);
    const failed = settle(() => reject(new Error('The thread for checkpoints has ended.')));
    worker.once('message', done).once('error', failed).once('exit', failed);
    worker.ref();
    worker.postMessage('checkpoint');
  });
}
