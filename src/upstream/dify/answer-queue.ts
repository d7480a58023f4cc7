import { setTimeout as pause } from 'node:timers/promises';

import { ChatError } from '../../chat/errors';
import { createFairQueue } from '../../chat/shared/fair-queue';
import { noSharedPlaces, type SharedPlaces } from '../../chat/shared/places';

/**
 * Bounds the answers that Dify gives at the same time. A self-hosted Dify takes ten connections by default. Further ones
 * wait in its backlog without a byte, and requests to stop an answer wait behind them.
 */
export interface AnswerQueue {
  /**
   * Waits for a place. Users take turns, however many questions each of them asks. So do processes.
   * @param leave ends the wait.
   * @param onPlace gets the caller's place in the queue: 1 is the next. Called when the wait begins, then at most once a
   *   second.
   * @returns a function that frees the place.
   * @throws ChatError `upstream-busy` after the longest wait, `server-stopping` if `leave` fires.
   */
  enter(user: string, leave: AbortSignal, onPlace: (place: number) => void): Promise<() => void>;
  /** Returns how many questions are waiting. */
  waiting(): number;
}

export interface AnswerQueueOptions {
  /** 0 means no bound. */
  readonly atOnce: number;
  readonly waitMs: number;
  /** The bound over all processes. Default: each process counts alone. */
  readonly places?: SharedPlaces;
  /** What these places are for, e.g. the host of Dify. */
  readonly name?: string;
  readonly warn: (message: string) => void;
}

const announceEveryMs = 1_000;
const warnEveryMs = 60_000;
/** How often a question that is next in this process asks whether another process has freed a place. */
const lookEveryMs = 100;

export function createAnswerQueue({
  atOnce,
  waitMs,
  places = noSharedPlaces,
  name = '',
  warn,
}: AnswerQueueOptions): AnswerQueue {
  const queue = createFairQueue<string>({
    total: atOnce === 0 ? Infinity : atOnce,
    each: Infinity,
    waitingEach: Infinity,
    refuse: () => new ChatError('upstream-busy'),
  });
  let waiting = 0;
  let announcing: NodeJS.Timeout | undefined;
  let warnedAtMs = -Infinity;

  return {
    waiting: () => waiting,
    async enter(user, leave, onPlace) {
      const release = queue.tryEnter(user);
      if (release !== null) {
        const releaseShared = await tryShared();
        if (releaseShared !== null) return both(release, releaseShared);
      }
      const timeout = AbortSignal.timeout(waitMs);
      waiting += 1;
      try {
        const signal = AbortSignal.any([leave, timeout]);
        if (release !== null) return both(release, await waitForShared(release, signal, onPlace));
        const entered = queue.enter(user, signal, onPlace);
        announce();
        const own = await entered;
        return both(own, (await tryShared()) ?? (await waitForShared(own, signal, onPlace)));
      } catch {
        throw new ChatError(timeout.aborted ? 'upstream-busy' : 'server-stopping');
      } finally {
        waiting -= 1;
      }
    },
  };

  async function tryShared(): Promise<(() => void) | null> {
    return atOnce === 0 ? () => undefined : places.take(`answers ${name}`, atOnce, true);
  }

  /** Waits for a place of all processes with a place of this process, which it frees if it fails. */
  async function waitForShared(
    release: () => void,
    signal: AbortSignal,
    onPlace: (place: number) => void,
  ): Promise<() => void> {
    try {
      onPlace(1);
      for (;;) {
        await pause(lookEveryMs, undefined, { signal });
        const releaseShared = await tryShared();
        if (releaseShared !== null) return releaseShared;
      }
    } catch (error) {
      release();
      throw error;
    }
  }

  function announce(): void {
    queue.announcePlaces();
    const nowMs = performance.now();
    if (nowMs - warnedAtMs >= warnEveryMs) {
      warnedAtMs = nowMs;
      warn(
        `${waiting} question(s) wait, because Dify gives ${atOnce} answers at the same time (DIFY_ANSWERS_AT_ONCE). ` +
          'If your Dify takes more connections, raise it.',
      );
    }
    announcing ??= setTimeout(() => {
      announcing = undefined;
      if (waiting > 0) announce();
    }, announceEveryMs).unref();
  }
}

/** Frees the place of all processes first, so that the next question of this process finds it. */
function both(release: () => void, releaseShared: () => void): () => void {
  return () => {
    releaseShared();
    release();
  };
}
