import { parentPort, workerData } from 'node:worker_threads';

import Database from 'better-sqlite3';

const everyMs = 1_000;
/** While one pass waits for the disk more is committed; few catch up, and the log begins anew once all of it is moved. */
const maxPasses = 5;

interface Pass {
  /** Pages in the log. */
  readonly log: number;
  readonly checkpointed: number;
}

const database = new Database(workerData as string, { fileMustExist: true });
let moved: unknown;

/** Passive: neither reads nor writes wait for it, nor it for them. Two processes on one file do not get in each other's way. */
function moveLog(): void {
  const version: unknown = database.pragma('data_version', { simple: true });
  if (version === moved) return;
  for (let passes = 0; passes < maxPasses; passes += 1) {
    const [pass] = database.pragma('wal_checkpoint(PASSIVE)') as Pass[];
    if (pass?.log !== pass?.checkpointed) continue;
    moved = version;
    return;
  }
}

const timer = setInterval(moveLog, everyMs);
parentPort?.once('message', () => {
  clearInterval(timer);
  database.close();
});
