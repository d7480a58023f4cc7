import { parentPort, workerData } from 'node:worker_threads';

import Database from 'better-sqlite3';

const everyMs = 1_000;
/** As SQLite does of itself: each time the log begins anew, whoever writes first waits for the disk once. */
const minPages = 1_000;
/** While one pass waits for the disk more is committed; the log begins anew once all of it is moved. */
const maxPasses = 5;

interface Log {
  /** Minus one, both, while another process moves it. */
  readonly log: number;
  readonly checkpointed: number;
}

const database = new Database(workerData as string, { fileMustExist: true });
let hasFailed = false;

function pagesToMove(): number {
  const [state] = database.pragma('wal_checkpoint(NOOP)') as Log[];
  return state === undefined ? 0 : state.log - state.checkpointed;
}

/** Passive: neither reads nor writes wait for it, nor it for them. */
function moveLog(): void {
  if (pagesToMove() < minPages) return;
  for (let passes = 0; passes < maxPasses && pagesToMove() > 0; passes += 1) {
    database.pragma('wal_checkpoint(PASSIVE)');
  }
}

/** What fails for a moment, as a full disk does, may do so for long: it is told once. */
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
