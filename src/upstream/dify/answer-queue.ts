import { ChatError } from '../../chat/errors';
import { createFairQueue } from '../../chat/shared/fair-queue';

/**
 * Bounds the answers that Dify gives at the same time. A self-hosted Dify takes ten connections by default. Further ones
 * wait in its backlog without a byte, and requests to stop an answer wait behind them.
 */
export interface AnswerQueue {
  /**
   * Waits for a place. Users take turns, however many questions each of them asks.
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
  readonly warn: (message: string) => void;
}

const announceEveryMs = 1_000;
const warnEveryMs = 60_000;

export function createAnswerQueue({ atOnce, waitMs, warn }: AnswerQueueOptions): AnswerQueue {
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
      if (release !== null) return release;
      const timeout = AbortSignal.timeout(waitMs);
      waiting += 1;
      try {
        const entered = queue.enter(user, AbortSignal.any([leave, timeout]), onPlace);
        announce();
        return await entered;
      } catch {
        throw new ChatError(timeout.aborted ? 'upstream-busy' : 'server-stopping');
      } finally {
        waiting -= 1;
      }
    },
  };

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
