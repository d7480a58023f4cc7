import type { LiveTurns } from '../stream/live-turns';
import { settledWithin } from '../shared/settled-within';

export interface Drain {
  isDraining(): boolean;
  /** Fires when the process can wait no longer. */
  readonly giveUp: AbortSignal;
  /** A question on its way into the database is waited for. */
  track<T>(opening: Promise<T>): Promise<T>;
  /** See `Turns.drain`. */
  drain(timeoutMs: number): Promise<void>;
}

export interface DrainOptions {
  readonly live: LiveTurns;
  /** Settles when the turns of processes that died are let go of. */
  readonly stopRescue: () => Promise<void>;
}

/** A database that is well saves the last ends within this time. One that hangs holds up no shutdown. */
const lastSavesMs = 5_000;

export function createDrain({ live, stopRescue }: DrainOptions): Drain {
  const opening = new Set<Promise<unknown>>();
  const overdue = new AbortController();
  let isDraining = false;

  return {
    isDraining: () => isDraining,
    giveUp: overdue.signal,
    async track(turn) {
      opening.add(turn);
      try {
        return await turn;
      } finally {
        opening.delete(turn);
      }
    },
    async drain(timeoutMs) {
      isDraining = true;
      const timer = setTimeout(endAll, timeoutMs);
      await settledWithin(timeoutMs + lastSavesMs, untilIdle());
      clearTimeout(timer);
    },
  };

  function endAll(): void {
    overdue.abort();
    for (const turn of live.all()) turn.requestEnd('shutdown');
  }

  async function untilIdle(): Promise<void> {
    await Promise.allSettled([...opening, stopRescue()]);
    // What was opened after the time was over.
    if (overdue.signal.aborted) endAll();
    await live.idle();
  }
}
