import { setTimeout as pause } from 'node:timers/promises';

import type { LiveTurns } from '../stream/live-turns';
import { settledWithin } from '../shared/settled-within';

export interface Drain {
  /** See `Turns.isDraining`. */
  isDraining(): boolean;
  /** See `Turns.refusesTurns`. */
  refusesTurns(): boolean;
  /** Fires when the process can wait no longer. */
  readonly giveUp: AbortSignal;
  /** Makes `drain` wait for a question that is being saved. */
  track<T>(opening: Promise<T>): Promise<T>;
  /** See `Turns.drain`. */
  drain(timeoutMs: number, delayMs?: number): Promise<void>;
}

export interface DrainOptions {
  readonly live: LiveTurns;
  /** Stops the rescue of turns of processes that died. Settles when it has stopped. */
  readonly stopRescue: () => Promise<void>;
}

/** The time for the last saves. It is enough for a healthy database, and one that hangs does not block the shutdown. */
const lastSavesMs = 5_000;

export function createDrain({ live, stopRescue }: DrainOptions): Drain {
  const opening = new Set<Promise<unknown>>();
  const overdue = new AbortController();
  let isDraining = false;
  let refusesTurns = false;

  return {
    isDraining: () => isDraining,
    refusesTurns: () => refusesTurns,
    giveUp: overdue.signal,
    async track(turn) {
      opening.add(turn);
      try {
        return await turn;
      } finally {
        opening.delete(turn);
      }
    },
    async drain(timeoutMs, delayMs = 0) {
      isDraining = true;
      if (delayMs > 0) await pause(delayMs);
      refusesTurns = true;
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
    // End the turns that were opened after the timeout.
    if (overdue.signal.aborted) endAll();
    await live.idle();
  }
}
