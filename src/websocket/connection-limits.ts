import { ChatError, noSharedPlaces, type SharedPlaces, type SocketSettings } from '../chat';

/** The place of one connection. The connection holds it from its first to its last byte. */
export interface Place {
  /**
   * Counts the connection for its user. The caller calls it once, when the user is known.
   * Does nothing after `release`.
   * @throws ChatError `too-many-connections`, also if the user has them in other processes
   */
  claimFor(userId: number): Promise<void>;
  release(): void;
}

/** The share of all places for clients that have not logged in yet, so that they cannot block all others. */
const anonymousShare = 0.1;

/** Takes a place. @throws ChatError `server-busy` */
export type TakePlace = (client: { readonly isAnonymous: boolean }) => Place;

/** Creates the limits. All counting in this process is synchronous, so no connection can pass a limit between two steps. */
export function createConnectionLimits(
  settings: Pick<SocketSettings, 'maxPerUser' | 'maxConnections'>,
  places: SharedPlaces = noSharedPlaces,
): TakePlace {
  const { maxPerUser, maxConnections } = settings;
  const total = createCounter(maxConnections);
  const anonymous = createCounter(Math.ceil(maxConnections * anonymousShare));
  const users = new Map<number, Counter>();

  return function take({ isAnonymous }) {
    const releases = [enter(total)];
    let isReleased = false;
    try {
      if (isAnonymous) releases.push(enter(anonymous));
    } catch (error) {
      release();
      throw error;
    }
    return {
      async claimFor(userId) {
        if (isReleased) return;
        const own = users.get(userId) ?? createCounter(maxPerUser);
        if (!own.enter()) throw new ChatError('too-many-connections');
        users.set(userId, own);
        if (isAnonymous) releases.pop()?.();
        releases.push(() => {
          own.leave();
          if (own.count() === 0) users.delete(userId);
        });
        const leaveShared = await places.take(`sockets ${userId}`, maxPerUser);
        if (leaveShared === null) throw new ChatError('too-many-connections');
        // The connection can have closed meanwhile.
        if (hasLeft()) leaveShared();
        else releases.push(leaveShared);
      },
      release,
    };

    function hasLeft(): boolean {
      return isReleased;
    }

    function release(): void {
      isReleased = true;
      for (const leave of releases.splice(0)) leave();
    }
  };
}

function enter(counter: Counter): () => void {
  if (counter.enter()) return counter.leave;
  throw new ChatError('server-busy', { sentence: 'The server holds as many connections as it can.' });
}

type Counter = ReturnType<typeof createCounter>;

function createCounter(max: number) {
  let count = 0;
  return {
    /** @returns whether a place was free. */
    enter(): boolean {
      if (count >= max) return false;
      count += 1;
      return true;
    },
    leave(): void {
      count -= 1;
    },
    count: () => count,
  };
}
