export interface CheckpointsOptions {
  readonly everyMs: number;
  readonly save: () => Promise<void>;
  readonly onFailed: (error: unknown) => void;
}

/** All turns save at the same ten moments of an interval, so that the store can batch their writes. */
const momentsPerInterval = 10;
/**
 * The first save happens within this time. It saves the upstream's ids, which find the answer if this process dies.
 */
const firstWithinMs = 100;

/**
 * Saves progress while a turn runs: soon after its start, then at most once per `everyMs`. A save is late by at most
 * a tenth of `everyMs`. Saves never overlap. An answer that ends before the first moment gets no checkpoint.
 */
export interface Checkpoints {
  /** Reports that the answer has new progress to save. */
  due(): void;
  /** Prevents further saves. Settles when the running save is done. */
  stop(): Promise<void>;
}

export function createCheckpoints({ everyMs, save, onFailed }: CheckpointsOptions): Checkpoints {
  let isStopped = false;
  let isDue = false;
  let timer: NodeJS.Timeout | undefined;
  let saving: Promise<void> = Promise.resolve();
  const stepMs = everyMs / momentsPerInterval;

  function begin(): void {
    isDue = false;
    saving = save().catch(onFailed);
    timer = setTimeout(() => void saving.then(onInterval), untilMoment(everyMs, stepMs));
  }

  function onInterval(): void {
    timer = undefined;
    if (isDue && !isStopped) begin();
  }

  return {
    due() {
      if (isStopped) return;
      isDue = true;
      timer ??= setTimeout(begin, untilMoment(0, Math.min(stepMs, firstWithinMs)));
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await saving;
    },
  };
}

/**
 * Returns the time from now to the first moment that is at least `afterMs` away, in milliseconds. Moments are
 * `stepMs` apart, and all turns of the process share them.
 */
function untilMoment(afterMs: number, stepMs: number): number {
  const nowMs = performance.now();
  return Math.ceil((nowMs + afterMs) / stepMs) * stepMs - nowMs;
}
