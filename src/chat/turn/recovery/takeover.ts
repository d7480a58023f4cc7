import { describeError } from '../../shared/log';
import type { Rescue } from './rescue';
import type { TurnOptions } from '../options';

export interface Takeover {
  /** See `Turns.heartbeatMs`. */
  readonly everyMs: number;
  /** See `Turns.takeOver`. */
  begin(): Promise<void>;
  /** See `Turns.heartbeat`. */
  beat(): Promise<void>;
}

export interface TakeoverOptions extends Pick<TurnOptions, 'settings' | 'store' | 'live' | 'log' | 'isSeen'> {
  readonly rescue: Rescue;
  readonly isDraining: () => boolean;
}

/** How often per lease a process reports its turns as alive. One late report then does no harm. */
const beatsPerLease = 5;
/** The longest time between two checks for processes that died. */
const maxBeatMs = 1_000;

/** Reports the turns of this process as alive, and takes over those of processes that died. */
export function createTakeover({
  settings: { leaseMs },
  store,
  live,
  log,
  rescue,
  isDraining,
  isSeen = () => true,
}: TakeoverOptions): Takeover {
  let keptAliveMs = -Infinity;
  let lookedForSilentMs = -Infinity;
  /** Before this time, a silent turn may belong to a process that could not reach the database. */
  let silenceCountsFromMs = performance.now() + leaseMs / 2;
  const report = createReport(log);
  /** The two tasks are independent. A process that waits to take over a turn still reports its own turns as alive. */
  const keepingAlive = oneAtATime(() => attempt('kept alive', keepAlive));
  const claiming = oneAtATime(() =>
    attempt('taken over', () => claim({ leaseMs: isTimeForSilent() ? leaseMs : null, isStart: false })),
  );

  return {
    everyMs: Math.min(maxBeatMs, leaseMs / beatsPerLease / 2),
    begin: () => attempt('taken over', () => claim({ leaseMs, isStart: true })),
    async beat() {
      await Promise.all([keepingAlive(), isDraining() ? undefined : claiming()]);
    },
  };

  async function keepAlive(): Promise<void> {
    const turnIds = live.all().map(({ turnId }) => turnId);
    const takenIds = rescue.turnIds();
    if (turnIds.length + takenIds.length === 0 || (isSeen() && !isDue(keptAliveMs))) return;
    const ending = await store.keepAlive(turnIds, takenIds);
    keptAliveMs = performance.now();
    for (const turnId of ending)
      live.find(turnId)?.requestEnd((await store.isTakenOver(turnId)) ? 'taken-over' : 'stop');
  }

  function isTimeForSilent(): boolean {
    if (performance.now() < silenceCountsFromMs || !isDue(lookedForSilentMs)) return false;
    lookedForSilentMs = performance.now();
    return true;
  }

  async function claim(abandonment: Parameters<typeof store.claimAbandoned>[0]): Promise<void> {
    rescue.begin(await store.claimAbandoned(abandonment));
  }

  /** Does `work` and reports its errors. The next beat tries again. */
  async function attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      report.works(what);
    } catch (error) {
      // While the database was unavailable, no process could report its turns. Give all of them time to do so.
      silenceCountsFromMs = performance.now() + leaseMs / 2;
      report.fails(what, error);
    }
  }

  function isDue(lastMs: number): boolean {
    return performance.now() - lastMs >= leaseMs / beatsPerLease;
  }
}

/** Logs a failure once, and not with every beat, e.g. while the database is unavailable. */
function createReport(log: TakeoverOptions['log']) {
  const failing = new Set<string>();
  return {
    works: (what: string) => void failing.delete(what),
    fails(what: string, error: unknown) {
      if (!failing.has(what)) log.error(`Turns cannot be ${what}: ${describeError(error)}`);
      failing.add(what);
    },
  };
}

/** Skips a call while the previous one is still running. */
function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let isRunning = false;
  return async () => {
    if (isRunning) return;
    isRunning = true;
    await work();
    isRunning = false;
  };
}
