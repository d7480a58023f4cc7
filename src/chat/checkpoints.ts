export interface CheckpointsOptions {
  readonly everyMs: number;
  readonly save: () => Promise<void>;
  readonly onFailed: (error: unknown) => void;
}

/** All turns save at the same ten moments of an interval, so that the store can write those of one moment together. */
const momentsPerInterval = 10;

/** Saves progress while a turn runs: at most once per `everyMs`, a tenth of that later at most, never two at a time. */
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

  function begin(): void {
    isDue = false;
    saving = save().catch(onFailed);
    timer = setTimeout(() => void saving.then(onInterval), untilNextMoment());
  }

  function untilNextMoment(): number {
    const stepMs = everyMs / momentsPerInterval;
    const nowMs = performance.now();
    return Math.ceil((nowMs + everyMs) / stepMs) * stepMs - nowMs;
  }

  function onInterval(): void {
    timer = undefined;
    if (isDue && !isStopped) begin();
  }

  return {
    due() {
      if (isStopped) return;
      isDue = true;
      // The first one follows at once, for Dify's ids are needed to recover an answer; but not in this very tick,
      // since a short answer is at its end by then and needs none.
      timer ??= setTimeout(begin, 0);
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await saving;
    },
  };
}
