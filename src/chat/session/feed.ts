import type { LiveTurns } from '../stream/live-turns';
import type { Owner } from '../model/owner';
import type { SessionEvents } from './events';
import type { Batches } from '../stream/follower';
import type { Frame } from '../stream/sse';
import type { Follow } from '../turn/access';

/** Sends frames to one connected client. */
export interface Outlet {
  /**
   * Sends one line of JSON, even if the client has no room. Does nothing after the client is gone. Ends the
   * connection of a client that reads too slowly. Never throws.
   */
  send(frame: string): void;
  /** Returns whether the client has read enough to get more. */
  hasRoom(): boolean;
  /** Settles when the client may have room again or is gone, in a later iteration of the event loop. */
  room(): Promise<void>;
}

/** Sends the turns of one session to one connected client of its owner. */
export interface SessionFeed {
  /** Returns whether a turn is being sent now. */
  isFollowing(turnId: string): boolean;
  /** Returns how many turns are being sent now. */
  count(): number;
  /** Sends a turn, unless it is already being sent. */
  follow(turnId: string, follow: Follow): void;
  /** Settles when no turn is being sent any more. Also waits for turns that start in the meantime. */
  idle(): Promise<void>;
}

export interface SessionFeedOptions {
  readonly live: LiveTurns;
  readonly events: SessionEvents;
  readonly owner: Owner;
  readonly sessionId: string;
  readonly outlet: Outlet;
  /** Called when the rest of a turn cannot be sent. */
  readonly onBroken: (turnId: string, error: unknown) => void;
  /** Fires when the client is gone. */
  readonly signal: AbortSignal;
}

/**
 * Sends a client all events of a session. Also sends every turn of it that runs in this process, from its first
 * event. It buffers nothing: it reads each turn from its log as fast as the client reads.
 */
export function createSessionFeed(options: SessionFeedOptions): SessionFeed {
  const { live, events, owner, sessionId, outlet, onBroken, signal } = options;
  /** The turns that are being sent. Each promise settles when its turn is no longer sent. */
  const following = new Map<string, Promise<void>>();
  /** Batches are sent one after another. So turns alternate, and only one at a time waits for room. */
  let lastBatch = Promise.resolve();

  const ends = [
    live.watch(sessionId, (turn) => {
      if (turn.ownerId === owner.id) follow(turn.turnId, (until) => turn.follow(0, until));
    }),
    events.subscribe(sessionId, (event) => outlet.send(JSON.stringify(event))),
  ];
  signal.addEventListener('abort', leave, { once: true });
  for (const turn of live.all()) {
    if (turn.sessionId !== sessionId || turn.ownerId !== owner.id) continue;
    follow(turn.turnId, (until) => turn.follow(0, until));
  }

  return {
    isFollowing: (turnId) => following.has(turnId),
    count: () => following.size,
    follow,
    async idle() {
      while (following.size > 0) await Promise.all(following.values());
    },
  };

  function leave(): void {
    for (const end of ends) end();
  }

  function follow(turnId: string, start: Follow): void {
    if (signal.aborted || following.has(turnId)) return;
    const sent = send(start(signal))
      .catch((error: unknown) => onBroken(turnId, error))
      .finally(() => following.delete(turnId));
    following.set(turnId, sent);
  }

  async function send(batches: Batches): Promise<void> {
    for await (const batch of batches) {
      lastBatch = lastBatch.then(() => sendBatch(batch));
      await lastBatch;
    }
  }

  async function sendBatch(batch: readonly Frame[]): Promise<void> {
    for (const frame of batch) {
      while (!outlet.hasRoom()) await outlet.room();
      if (signal.aborted) return;
      outlet.send(toSocketFrame(frame));
    }
  }
}

/**
 * Returns the same JSON as an event stream has, with the number of the event as its first key. The key is `seq`,
 * because `id` has another meaning in Dify's `message`.
 */
export function toSocketFrame({ id, data }: Frame): string {
  return `{"seq":${id},${data.slice(1)}`;
}
