/** A follower that may be waiting for more. */
export interface Waiter {
  wake(): void;
}

export interface FollowerOptions<T> {
  /** The next item, `done` when there are no more, or null where the follower has to wait to be woken. */
  readonly take: () => IteratorResult<T, void> | null;
  /** Ends the following. */
  readonly signal: AbortSignal;
  /** With the first item that is asked for, and once more whoever ends it. */
  readonly onJoin: (waiter: Waiter) => void;
  readonly onLeave: (waiter: Waiter) => void;
}

export const done: IteratorReturnResult<void> = { done: true, value: undefined };

/**
 * What a generator would be that takes, or else waits. Written out, because it runs for every event: a generator makes
 * several promises for each item, this makes one, and before Node 24 every promise in a Strapi process runs hooks.
 */
export function createFollower<T>(options: FollowerOptions<T>): AsyncGenerator<T, void> {
  const { take, signal, onJoin, onLeave } = options;
  let state: 'new' | 'following' | 'over' = 'new';
  let answer: ((result: IteratorResult<T, void>) => void) | undefined;

  const waiter: Waiter = {
    wake() {
      if (answer === undefined) return;
      const result = signal.aborted ? done : take();
      if (result !== null) settle(result);
    },
  };

  function settle(result: IteratorResult<T, void>): void {
    if (result.done === true) leave();
    const resolve = answer;
    answer = undefined;
    resolve?.(result);
  }

  function leave(): void {
    if (state === 'following') {
      signal.removeEventListener('abort', waiter.wake);
      onLeave(waiter);
    }
    state = 'over';
  }

  const follower: AsyncGenerator<T, void> = {
    next() {
      if (state === 'new') {
        state = 'following';
        onJoin(waiter);
        signal.addEventListener('abort', waiter.wake);
      }
      return new Promise((resolve) => {
        answer = resolve;
        if (state === 'over') settle(done);
        else waiter.wake();
      });
    },
    async return() {
      leave();
      settle(done);
      return done;
    },
    async throw(error) {
      leave();
      settle(done);
      throw error;
    },
    [Symbol.asyncIterator]: () => follower,
    async [Symbol.asyncDispose]() {
      await follower.return();
    },
  };
  return follower;
}
