import path from 'node:path';
import { Worker } from 'node:worker_threads';

import type { Core } from '@strapi/strapi';

import { describeError, settledWithin } from '../../chat';

export interface SqliteCheckpoints {
  /**
   * Settles when the thread has closed the database. The last one to close it then leaves one complete file. Waits at
   * most five seconds for a thread that hangs.
   */
  stop(): Promise<void>;
}

const lastMoveMs = 5_000;

/**
 * Starts a thread that moves SQLite's log into the database. SQLite commits to a log, and moves it into the database
 * after a thousand pages. In every twentieth turn, this blocks the process for some seven milliseconds, while it waits
 * for the disk. The thread does this without blocking. If it dies, the connection moves the log itself, only later
 * (`config/database.ts`).
 * @returns undefined for a database other than SQLite.
 */
export function startSqliteCheckpoints(strapi: Core.Strapi): SqliteCheckpoints | undefined {
  if (strapi.db.dialect.client !== 'sqlite') return undefined;
  const thread = new Worker(path.join(__dirname, 'sqlite-checkpoints-worker.js'), {
    workerData: strapi.config.get<string>('database.connection.connection.filename'),
    env: {},
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 1 },
  });
  thread.unref();
  const hasEnded = new Promise((resolve) => thread.once('exit', resolve));
  thread.on('error', (error) => {
    strapi.log.warn(`The thread of SQLite's checkpoints has ended: ${describeError(error)}`);
  });
  thread.on('message', (code) => strapi.log.warn(`SQLite's log could not be moved: ${String(code)}`));
  return {
    async stop() {
      // Keeps a process alive that has nothing else to wait for.
      thread.ref();
      thread.postMessage('stop');
      await settledWithin(lastMoveMs, hasEnded);
      await thread.terminate();
    },
  };
}
