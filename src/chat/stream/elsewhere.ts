import { setTimeout } from 'node:timers/promises';

import type { StreamFormat, TerminalWireEvent } from '../contract/stream-event';
import type { JoinedTurns } from './joined-turns';
import { unlessFired } from './live-turns';
import { endOfSaved, followSaved, toTerminalEvent, type SavedTurnOptions } from './saved-turn';
import type { Frame } from './sse';

export interface ElsewhereOptions {
  readonly turnId: string;
  readonly saved: SavedTurnOptions;
  readonly joined: JoinedTurns;
  /** Returns a signal that fires when live events can be read again. */
  readonly back: () => AbortSignal;
}

const pauseMs = 50;

/**
 * Follows a turn that another node answers by its live events. While they cannot be read, it follows the saved rows. The
 * ids are the same in both.
 */
export async function* followElsewhere(
  options: ElsewhereOptions,
  cursor: number,
  signal: AbortSignal,
  format: StreamFormat = 'full',
): AsyncGenerator<readonly Frame[], void> {
  const { turnId, joined, back } = options;
  let { saved } = options;
  let seen = cursor;
  let mayJoin = true;
  while (!signal.aborted) {
    const isBack = back();
    const turn = mayJoin ? await joined.join(turnId, isPending(saved), () => isOver(saved)) : null;
    if (turn === null) {
      const until = AbortSignal.any([signal, isBack]);
      yield* tracked(followSaved(saved, seen, until, format));
    } else {
      yield* tracked(turn.follow(seen, signal, format));
      if (signal.aborted || (await turn.ended) !== null) return;
    }
    if (signal.aborted || (turn === null && !isBack.aborted)) return;
    // If it could be joined again and again, and its events were lost each time, this would be a busy loop.
    if (turn !== null) await setTimeout(pauseMs, undefined, { signal }).catch(() => undefined);
    const now = await reloaded(saved, signal);
    if (now === null) return;
    saved = now;
    // The stream of an ended turn can lack its last events.
    mayJoin = isPending(saved);
  }

  async function* tracked(batches: AsyncIterable<readonly Frame[]>): AsyncGenerator<readonly Frame[], void> {
    for await (const batch of batches) {
      seen = batch.at(-1)?.id ?? seen;
      yield batch;
    }
  }
}

/** Waits for the end of such a turn. @returns its terminal event; null if it is gone or `signal` fires first. */
export async function endElsewhere(
  { turnId, saved, joined }: ElsewhereOptions,
  signal: AbortSignal,
): Promise<TerminalWireEvent | null> {
  if (!isPending(saved)) return endOfSaved(saved, signal);
  const turn = await joined.join(turnId, true, () => isOver(saved));
  const left = new AbortController();
  try {
    // A follower keeps the copy of the log alive.
    turn?.follow(0, AbortSignal.any([signal, left.signal]));
    const end = turn === null ? null : await unlessFired(signal, turn.ended);
    return end ?? (await endOfSaved(saved, signal));
  } finally {
    left.abort();
  }
}

function isPending({ saved }: SavedTurnOptions): boolean {
  return toTerminalEvent(saved) === null;
}

async function isOver({ reload }: SavedTurnOptions): Promise<boolean> {
  const now = await reload();
  return now === null || toTerminalEvent(now) !== null;
}

/** Reads the turn again, until the database answers. @returns null if it is gone, or `signal` fires. */
async function reloaded(saved: SavedTurnOptions, signal: AbortSignal): Promise<SavedTurnOptions | null> {
  while (!signal.aborted) {
    try {
      const now = await saved.reload();
      return now === null ? null : { ...saved, saved: now };
    } catch {
      await setTimeout(saved.pollEveryMs, undefined, { signal }).catch(() => undefined);
    }
  }
  return null;
}
