import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

/** Limits: places in total, places for each key, and waiting callers for each key. `Infinity` means no limit. */
export interface FairQueueOptions {
  readonly total: number;
  readonly each: number;
  readonly waitingEach: number;
  /** @returns the error for a caller who cannot wait, because too many wait already. */
  readonly refuse: () => Error;
}

export interface FairQueue<Key> {
  /** Takes a place if one is free. @returns a function that frees the place; null if the caller must wait. */
  tryEnter(key: Key): (() => void) | null;
  /**
   * Waits for a place. Keys take turns, however many places each of them requests.
   * @param onPlace see `announcePlaces`.
   * @returns a function that frees the place.
   * @throws the error of `refuse`, or the reason of `signal`.
   */
  enter(key: Key, signal?: AbortSignal, onPlace?: (place: number) => void): Promise<() => void>;
  /** Calls `onPlace` of every waiting caller whose place has changed. The place of the next one is 1. */
  announcePlaces(): void;
}

interface Own {
  inside: number;
  readonly waiting: Waiting[];
}

interface Waiting {
  readonly enter: () => void;
  readonly onPlace: ((place: number) => void) | undefined;
  /** The last announced place. */
  place: number;
}

export function createFairQueue<Key>({ total, each, waitingEach, refuse }: FairQueueOptions): FairQueue<Key> {
  /** The key whose turn is next comes first. */
  const keys = new Map<Key, Own>();
  let inside = 0;

  return {
    tryEnter,
    announcePlaces,
    async enter(key, signal, onPlace) {
      signal?.throwIfAborted();
      const release = tryEnter(key);
      if (release !== null) return release;
      const own = ownOf(key);
      if (own.waiting.length >= waitingEach) {
        forgetIfIdle(key, own);
        throw refuse();
      }
      // The place is counted when this settles.
      await waitIn(own.waiting, { signal, onPlace, onLeft: () => forgetIfIdle(key, own) });
      // Without this, callers that enter one after another would block the event loop together.
      await yieldToEventLoop();
      return createRelease(key, own);
    },
  };

  function tryEnter(key: Key): (() => void) | null {
    const own = ownOf(key);
    if (own.waiting.length > 0 || !isRoomFor(own)) {
      forgetIfIdle(key, own);
      return null;
    }
    count(own);
    return createRelease(key, own);
  }

  function announcePlaces(): void {
    const queues = [...keys.values()].map(({ waiting }) => waiting);
    for (const [index, caller] of inTurn(queues).entries()) {
      const place = index + 1;
      if (caller.place !== place) caller.onPlace?.(place);
      caller.place = place;
    }
  }

  function ownOf(key: Key): Own {
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
  function goBack(key: Key, own: Own): void {
    keys.delete(key);
    keys.set(key, own);
  }

  function createRelease(key: Key, own: Own): () => void {
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

  function forgetIfIdle(key: Key, own: Own): void {
    if (own.inside === 0 && own.waiting.length === 0) keys.delete(key);
  }

  function letIn(): void {
    for (const [key, own] of [...keys]) {
      if (inside >= total) return;
      if (own.waiting.length === 0 || own.inside >= each) continue;
      count(own);
      goBack(key, own);
      own.waiting.shift()?.enter();
    }
  }
}

interface Wait extends Pick<Waiting, 'onPlace'> {
  readonly signal: AbortSignal | undefined;
  /** Called when `signal` ends the wait. */
  readonly onLeft: () => void;
}

/** Settles when the caller gets a place. @throws the reason of `signal`. */
function waitIn(waiting: Waiting[], { signal, onPlace, onLeft }: Wait): Promise<void> {
  return new Promise((resolve, reject) => {
    const enter = () => {
      signal?.removeEventListener('abort', leave);
      resolve();
    };
    const leave = () => {
      waiting.splice(waiting.indexOf(caller), 1);
      onLeft();
      reject(signal?.reason as Error);
    };
    const caller = { enter, onPlace, place: 0 };
    signal?.addEventListener('abort', leave);
    waiting.push(caller);
  });
}

/** Returns the callers of all queues in the order in which they enter: the first of each, then the second of each. */
function inTurn(queues: readonly (readonly Waiting[])[]): Waiting[] {
  const longest = Math.max(0, ...queues.map(({ length }) => length));
  return Array.from({ length: longest }, (_, round) =>
    queues.flatMap((waiting) => waiting[round] ?? []),
  ).flat();
}
