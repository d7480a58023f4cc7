import { describeError, settledWithin, type Log } from '../../chat';

export interface Tidying {
  /** Settles when it does not use the history any more. Waits at most five seconds for a history that hangs. */
  stop(): Promise<void>;
}

export interface TidyingOptions {
  /** @returns how many records it removed. */
  readonly tidy: (signal: AbortSignal) => Promise<number>;
  readonly log: Pick<Log, 'info' | 'error'>;
}

/** The start has enough other work, and records that have been outdated for up to a day can wait. */
const afterStartMs = 60_000;
const lastRoundMs = 5_000;
const onceADayMs = 86_400_000;
const afterFailureMs = 600_000;

/**
 * Removes outdated records from the history, and makes partitions for the coming days. It runs in the background:
 * after a minute, and then once a day. After a failure, it runs again ten minutes later. Several processes may do this
 * at the same time.
 */
export function startTidyingHistory({ tidy, log }: TidyingOptions): Tidying {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout;
  let round: Promise<void> | undefined;
  runAfter(afterStartMs);
  return {
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      if (round !== undefined) await settledWithin(lastRoundMs, round);
    },
  };

  function runAfter(pauseMs: number): void {
    timer = setTimeout(() => {
      round = run();
    }, pauseMs);
  }

  async function run(): Promise<void> {
    const pauseMs = (await isTidied()) ? onceADayMs : afterFailureMs;
    if (!stopping.signal.aborted) runAfter(pauseMs);
  }

  async function isTidied(): Promise<boolean> {
    try {
      const records = await tidy(stopping.signal);
      if (records > 0) log.info(`Removed ${records} records from the history that were too old.`);
      return true;
    } catch (error) {
      log.error(`The history could not be tidied: ${describeError(error)}`);
      return false;
    }
  }
}
