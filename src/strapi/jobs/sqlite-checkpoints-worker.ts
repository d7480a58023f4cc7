import { parentPort, workerData } from 'node:worker_threads';

import Database from 'better-sqlite3';

const everyMs = 1_000;
/** The limit that SQLite itself uses. Each time the log restarts, the first writer waits once for the disk. */
const minPages = 1_000;
/** While one pass waits for the disk, writers commit more. The log restarts after all of it is moved. */
const maxPasses = 5;

interface Log {
  /** Both are minus one while another process moves the log. */
  readonly log: number;
  readonly checkpointed: number;
}

const database = new Database(workerData as string, { fileMustExist: true });
let hasFailed = false;

function pagesToMove(): number {
  const [state] = database.pragma('wal_checkpoint(NOOP)') as Log[];
  return state === undefined ? 0 : state.log - state.checkpointed;
}

/** Moves the log passively: reads and writes do not wait for it, and it does not wait for them. */
function moveLog(): void {
  if (pagesToMove() < minPages) return;
  for (let passes = 0; passes < maxPasses && pagesToMove() > 0; passes += 1) {
    database.pragma('wal_checkpoint(PASSIVE)');
  }
}

/** Tries to move the log. A temporary failure such as a full disk can last long, so the thread reports it once. */
function tryToMoveLog(): void {
  try {
    moveLog();
    hasFailed = false;
  } catch (error) {
    if (!hasFailed) parentPort?.postMessage((error as { readonly code?: unknown }).code ?? 'unknown');
    hasFailed = true;
  }
}

const timer = setInterval(tryToMoveLog, everyMs);
parentPort?.once('message', () => {
  clearInterval(timer);
  database.close();
});
