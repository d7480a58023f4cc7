import { describeError, settledWithin, type Log } from '../../chat';
import type { Check, ResourceProblem } from './checks';

export interface ResourceWatch {
  /** Returns the problem of the last round; null if there was none. */
  problem(): ResourceProblem | null;
  /** Settles when no check runs any more. Waits at most one second for a check that hangs. */
  stop(): Promise<void>;
}

export interface ResourceWatchOptions {
  /** The first check with a problem names it. */
  readonly checks: readonly Check[];
  readonly log: Log;
  readonly everyMs?: number;
}

const sentences: Readonly<Record<ResourceProblem, string>> = {
  'missing-database-file':
    'the file of the SQLite database was deleted or replaced. Its changes will be lost. ' +
    'Stop the server, restore the file, and start the server',
  'disk-full': 'the disk of the database is full. Free some space',
  'too-many-open-files': 'the process has almost no file descriptors left. Raise its limit (ulimit -n)',
};

/** Runs the checks now and then, one round after another. Logs a problem once, and once that it is over. */
export function startResourceWatch({ checks, log, everyMs = 2_000 }: ResourceWatchOptions): ResourceWatch {
  const failed = new Set<Check>();
  let problem: ResourceProblem | null = null;
  let isStopped = false;
  let timer: NodeJS.Timeout;
  let round = run();
  return {
    problem: () => problem,
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await settledWithin(1_000, round);
    },
  };

  function startRound(): void {
    round = run();
  }

  async function run(): Promise<void> {
    const found = await findProblem();
    if (found !== problem) logChange(found);
    problem = found;
    if (!isStopped) timer = setTimeout(startRound, everyMs);
  }

  async function findProblem(): Promise<ResourceProblem | null> {
    for (const check of checks) {
      const found = await resultOf(check);
      if (found !== null) return found;
    }
    return null;
  }

  /** A check that fails finds no problem. */
  async function resultOf(check: Check): Promise<ResourceProblem | null> {
    try {
      return await check();
    } catch (error) {
      if (!failed.has(check))
        log.warn(`A resource of the server could not be checked: ${describeError(error)}`);
      failed.add(check);
      return null;
    }
  }

  function logChange(found: ResourceProblem | null): void {
    if (found === null) log.info(`The server is ready again: ${String(problem)} is over.`);
    else log.error(`The server is not ready (${found}): ${sentences[found]}.`);
  }
}
