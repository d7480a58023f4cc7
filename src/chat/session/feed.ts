import type { LiveTurns } from '../stream/live-turns';
import type { Owner } from '../model/owner';
import type { SessionEvents } from './events';
import type { Frame } from '../stream/sse';
import type { Follow } from '../turn/access';

/** Where a connected client is told things. */
export interface Outlet {
  /**
   * Hands over one line of JSON, whether there is room or not. Does nothing once the client is gone, and ends the
   * connection of one that is too far behind. Never throws.
   */
  send(frame: string): void;
  /** Whether the client has read enough to be sent more. */
  hasRoom(): boolean;
  /** Settles in a later iteration of the event loop: when the client may have room again, or is gone. */
  room(): Promise<void>;
}

/** A session of its owner, as one connected client follows it. */
export interface SessionFeed {
  /** Whether a turn is being told at the moment. */
  isFollowing(turnId: string): boolean;
  /** How many are. */
  count(): number;
  /** Tells a turn, unless it is being told already. */
  follow(turnId: string, follow: Follow): void;
  /** Settles when every turn is told as far as it is known. Turns that begin meanwhile are waited for, too. */
  idle(): Promise<void>;
}

export interface SessionFeedOptions {
  readonly live: LiveTurns;
  readonly events: SessionEvents;
  readonly owner: Owner;
  readonly sessionId: string;
  readonly outlet: Outlet;
  /** A turn cannot be told any further. */
  readonly onBroken: (turnId: string, error: unknown) => void;
  /** Fires when the client is gone. */
  readonly signal: AbortSignal;
}

/**
 * Tells a client every turn of a session that runs in this process, from its first event on, and what else happens to
 * the session. Nothing is buffered here: each turn is pulled from its log as fast as the client reads.
 */
export function createSessionFeed(options: SessionFeedOptions): SessionFeed {
  const { live, events, owner, sessionId, outlet, onBroken, signal } = options;
  /** The turns that are being sent, each settled when that is over. */
  const following = new Map<string, Promise<void>>();
  /** Batches are sent one after the other, so that turns alternate and one of them waits for room at a time. */
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

  async function send(batches: AsyncGenerator<readonly Frame[], void>): Promise<void> {
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
 * The event as an event stream has it, byte for byte, with its number put in front: `id` has another meaning in Dify's
 * `message`.
 */
export function toSocketFrame({ id, data }: Frame): string {
  return `{"seq":${id},${data.slice(1)}`;
}
