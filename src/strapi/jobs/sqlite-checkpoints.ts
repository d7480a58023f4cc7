import path from 'node:path';
import { Worker } from 'node:worker_threads';

import type { Core } from '@strapi/strapi';

import { describeError, settledWithin } from '../../chat';

export interface SqliteCheckpoints {
  /**
   * Settles when the thread has let go of the database: whoever closes it last leaves one whole file. One that hangs is
   * waited for five seconds.
   */
  stop(): Promise<void>;
}

const lastMoveMs = 5_000;

/**
 * What is committed goes to a log, and SQLite moves it from there into the database after a thousand pages: some seven
 * milliseconds in which the disk is waited for and the process does nothing else, in every twentieth turn. A thread
 * beside does it here. If it dies, the connection does it as ever, only later (`config/database.ts`).
 * @returns undefined where there is nothing of the kind to do.
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
      // For whoever has nothing else to wait for.
      thread.ref();
      thread.postMessage('stop');
      await settledWithin(lastMoveMs, hasEnded);
      await thread.terminate();
    },
  };
}
