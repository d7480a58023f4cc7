import { describeError, settledWithin, type Log } from '../../chat';

export interface Tidying {
  /** Settles when nothing of it touches the history any more. One that hangs is waited for five seconds. */
  stop(): Promise<void>;
}

export interface TidyingOptions {
  /** @returns how many records were removed. */
  readonly tidy: (signal: AbortSignal) => Promise<number>;
  readonly log: Pick<Log, 'info' | 'error'>;
}

/** A start has enough to do, and what has been too old for up to a day can wait for its end. */
const afterStartMs = 60_000;
const lastRoundMs = 5_000;
const onceADayMs = 86_400_000;
const afterFailureMs = 600_000;

/**
 * Removes what is too old from the history and makes room for the days to come: in a minute, behind the caller's back, and
 * once a day; where that failed, ten minutes later. Several processes may do so at the same time.
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
