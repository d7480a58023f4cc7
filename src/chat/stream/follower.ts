/** A follower that may be waiting for more. */
export interface Waiter {
  readonly wake: () => void;
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

/** An async generator that can also be read without a promise for each item. One at a time reads it, either way. */
export interface Follower<T> extends AsyncGenerator<T, void> {
  /** The next item, or `done`; null where there is none yet: then `onReady` is called once, when to ask again. */
  poll(onReady: () => void): IteratorResult<T, void> | null;
}

/**
 * What a generator would be that takes, or else waits. Written out, because it runs for every event: a generator makes
 * several promises for each item, and before Node 24 every promise in a Strapi process runs hooks.
 */
export function createFollower<T>({ take, signal, onJoin, onLeave }: FollowerOptions<T>): Follower<T> {
  let state: 'new' | 'following' | 'over' = 'new';
  let onReady: (() => void) | undefined;

  const waiter: Waiter = {
    wake() {
      const ready = onReady;
      onReady = undefined;
      ready?.();
    },
  };

  function join(): void {
    state = 'following';
    onJoin(waiter);
    if (signal.aborted) leave();
    else signal.addEventListener('abort', end);
  }

  function leave(): void {
    if (state === 'following') {
      signal.removeEventListener('abort', end);
      onLeave(waiter);
    }
    state = 'over';
  }

  function end(): void {
    leave();
    waiter.wake();
  }

  const follower: Follower<T> = {
    poll(ready) {
      if (state === 'new') join();
      if (state === 'over') return done;
      const result = take();
      if (result === null) onReady = ready;
      else if (result.done === true) leave();
      return result;
    },
    next: () =>
      new Promise((resolve) => {
        const ask = () => {
          const result = follower.poll(ask);
          if (result !== null) resolve(result);
        };
        ask();
      }),
    async return() {
      end();
      return done;
    },
    async throw(error) {
      end();
      throw error;
    },
    [Symbol.asyncIterator]: () => follower,
    async [Symbol.asyncDispose]() {
      end();
    },
  };
  return follower;
}
