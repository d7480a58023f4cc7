export interface CheckpointsOptions {
  readonly everyMs: number;
  readonly save: () => Promise<void>;
  readonly onFailed: (error: unknown) => void;
}

/** All turns save at the same ten moments of an interval, so that the store can write those of one moment together. */
const momentsPerInterval = 10;
/** The first save is not later than this: an answer whose process dies is asked for by the ids that Dify gave it. */
const firstWithinMs = 100;

/**
 * Saves progress while a turn runs: soon at first, then at most once per `everyMs`, a tenth of that later at most, and
 * never two at a time. Of an answer that is at its end before the first moment nothing is saved but that end.
 */
export interface Checkpoints {
  /** There is something new to save. */
  due(): void;
  /** No further save begins; settles when the running one is done. */
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

/** How long it is, `afterMs` from now, to the next of the moments that are `stepMs` apart for the whole process. */
function untilMoment(afterMs: number, stepMs: number): number {
  const nowMs = performance.now();
  return Math.ceil((nowMs + afterMs) / stepMs) * stepMs - nowMs;
}
