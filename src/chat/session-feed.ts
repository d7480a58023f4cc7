import type { LiveTurns } from './live-turns';
import type { Owner } from './owner';
import type { SessionEvents } from './session-events';
import type { Frame } from './sse/encode';
import type { Follow } from './turn-access';

/** Where a connected client is told things. */
export interface Outlet {
  /**
   * Hands over one line of JSON, whether there is room or not. Does nothing once the client is gone, and ends the
   * connection of one that is too far behind. Never throws.
   */
  send(frame: string): void;
  /** Settles when the client has read enough to be told more: at once while it keeps up. Never rejects. */
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
  const following = new Map<string, Promise<void>>();
  /** Settles when the last frame of a turn that is waiting for room has been sent. */
  let sent = Promise.resolve();

  const ends = [
    live.watch(sessionId, (turn) => {
      if (turn.ownerId === owner.id) follow(turn.turnId, (until) => turn.follow(0, until));
    }),
    events.subscribe(sessionId, (event) => outlet.send(JSON.stringify(event))),
  ];
  signal.addEventListener('abort', () => ends.forEach((end) => end()), { once: true });
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

  function follow(turnId: string, start: Follow): void {
    if (signal.aborted || following.has(turnId)) return;
    const told = tell(start).catch((error: unknown) => onBroken(turnId, error));
    following.set(
      turnId,
      told.finally(() => following.delete(turnId)),
    );
  }

  async function tell(start: Follow): Promise<void> {
    for await (const batch of start(signal)) {
      for (const frame of batch) {
        await sendInTurn(frame);
        if (signal.aborted) return;
      }
    }
  }

  /** One after the other: turns that found the same room would all take it, with a frame each. */
  function sendInTurn(frame: Frame): Promise<void> {
    sent = sent.then(async () => {
      await outlet.room();
      if (!signal.aborted) outlet.send(toSocketFrame(frame));
    });
    return sent;
  }
}

/**
 * The event as an event stream has it, byte for byte, with its number put in front: `id` has another meaning in Dify's
 * `message`.
 */
export function toSocketFrame({ id, data }: Frame): string {
  return `{"seq":${id},${data.slice(1)}`;
}
