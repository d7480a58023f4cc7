import { withDeadline } from '../shared/deadline';
import { ChatError } from '../errors';
import { createFairQueue } from '../shared/fair-queue';
import type { Owner } from '../model/owner';
import type { ReadSettings } from '../settings';

/** Limits how many lists, searches and exports of one user run together. So other users need not wait for all. */
export interface Reads {
  /**
   * Waits for one of the owner's places.
   * @returns a function that frees the place.
   * @throws ChatError `too-many-reads`, or the reason of `signal`.
   */
  enter(owner: Owner, signal?: AbortSignal): Promise<() => void>;
}

/** How many further reads of one user may wait. */
const maxWaiting = 20;

export function createReads({ atOnce, timeoutMs }: ReadSettings): Reads {
  const refuse = () => new ChatError('too-many-reads');
  const queue = createFairQueue<number>({
    total: Infinity,
    each: atOnce === 0 ? Infinity : atOnce,
    waitingEach: maxWaiting,
    refuse,
  });
  return {
    enter: (owner, signal) =>
      withDeadline({ ms: timeoutMs, signal, tooLate: refuse }, (inTime) => queue.enter(owner.id, inTime)),
  };
}
