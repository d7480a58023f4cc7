import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

/** Limits: places in total, places for each key, and waiting callers for each key. `Infinity` means no limit. */
export interface FairQueueOptions {
  readonly total: number;
  readonly each: number;
  readonly waitingEach: number;
  /** @returns the error for a caller who cannot wait, because too many wait already. */
  readonly refuse: () => Error;
}

export interface FairQueue {
  /**
   * Waits for a place. Keys take turns, however many places each of them requests.
   * @returns a function that frees the place.
   * @throws the error of `refuse`, or the reason of `signal`.
   */
  enter(key: number, signal?: AbortSignal): Promise<() => void>;
}

interface Own {
  inside: number;
  readonly waiting: (() => void)[];
}

export function createFairQueue({ total, each, waitingEach, refuse }: FairQueueOptions): FairQueue {
  /** The key whose turn is next comes first. */
  const keys = new Map<number, Own>();
  let inside = 0;

  return {
    async enter(key, signal) {
      signal?.throwIfAborted();
      const own = ownOf(key);
      if (own.waiting.length === 0 && isRoomFor(own)) {
        count(own);
        return createRelease(key, own);
      }
      if (own.waiting.length >= waitingEach) {
        forgetIfIdle(key, own);
        throw refuse();
      }
      await waitIn(key, own, signal);
      // Without this, callers that enter one after another would block the event loop together.
      await yieldToEventLoop();
      return createRelease(key, own);
    },
  };

  function ownOf(key: number): Own {
    const known = keys.get(key);
    if (known !== undefined) return known;
    const own: Own = { inside: 0, waiting: [] };
    keys.set(key, own);
    return own;
  }

  function isRoomFor(own: Own): boolean {
    return inside < total && own.inside < each;
  }

  function count(own: Own): void {
    inside += 1;
    own.inside += 1;
  }

  /** Moves a key to the end, so that all other keys have their turn first. */
  function goBack(key: number, own: Own): void {
    keys.delete(key);
    keys.set(key, own);
  }

  /** Settles when the caller gets a place. The place is counted by then. */
  function waitIn(key: number, own: Own, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        own.waiting.splice(own.waiting.indexOf(enter), 1);
        forgetIfIdle(key, own);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', leave);
      own.waiting.push(enter);
    });
  }

  function createRelease(key: number, own: Own): () => void {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      inside -= 1;
      own.inside -= 1;
      goBack(key, own);
      forgetIfIdle(key, own);
      letIn();
    };
  }

  function forgetIfIdle(key: number, own: Own): void {
    if (own.inside === 0 && own.waiting.length === 0) keys.delete(key);
  }

  function letIn(): void {
    for (const [key, own] of [...keys]) {
      if (inside >= total) return;
      if (own.waiting.length === 0 || own.inside >= each) continue;
      count(own);
      goBack(key, own);
      own.waiting.shift()?.();
    }
  }
}
