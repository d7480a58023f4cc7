import type { LiveTurns } from '../stream/live-turns';
import type { Owner } from '../model/owner';
import type { SessionEvents } from './events';
import type { Frame } from '../stream/sse';
import { createPull, type Pull } from '../stream/frame-source';
import type { Follow } from '../turn/access';

/** Where a connected client is told things. */
export interface Outlet {
  /**
   * Hands over one line of JSON, whether there is room or not. Does nothing once the client is gone, and ends the
   * connection of one that is too far behind. Never throws.
   */
  send(frame: string): void;
  /** Whether the client has read enough to be told more. */
  hasRoom(): boolean;
  /** Calls `onRoom` when it has, at the end of an iteration of the event loop; not once the client is gone. */
  whenRoom(onRoom: () => void): void;
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

/** A turn that is being told. */
interface Telling {
  readonly pull: Pull;
  readonly end: () => void;
  batch: readonly Frame[];
  /** How many of the batch are sent. */
  sent: number;
}

/**
 * Tells a client every turn of a session that runs in this process, from its first event on, and what else happens to
 * the session. Nothing is buffered here: each turn is pulled from its log as fast as the client reads.
 */
export function createSessionFeed(options: SessionFeedOptions): SessionFeed {
  const { live, events, owner, sessionId, outlet, onBroken, signal } = options;
  const following = new Map<string, { readonly told: Promise<void>; readonly end: () => void }>();
  /** Those that have something to tell. They take turns, batch by batch. */
  const line: Telling[] = [];
  let isWaiting = false;

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
      while (following.size > 0) await Promise.all([...following.values()].map(({ told }) => told));
    },
  };

  function leave(): void {
    for (const end of ends) end();
    for (const { end } of following.values()) end();
  }

  function follow(turnId: string, start: Follow): void {
    if (signal.aborted || following.has(turnId)) return;
    let end: () => void = () => undefined;
    const told = new Promise<void>((resolve, reject) => {
      end = resolve;
      const onReady = () => {
        queue(telling);
        give();
      };
      const pull = createPull(start(signal), { onReady, onFailed: reject });
      const telling: Telling = { pull, end, batch: [], sent: 0 };
      onReady();
    })
      .catch((error: unknown) => onBroken(turnId, error))
      .finally(() => following.delete(turnId));
    following.set(turnId, { told, end });
  }

  /** Puts a turn at the end of the line with its next batch, if there is one. */
  function queue(telling: Telling): void {
    const batch = telling.pull();
    if (batch === null) return;
    if (batch.done === true) {
      telling.end();
      return;
    }
    telling.batch = batch.value;
    telling.sent = 0;
    line.push(telling);
  }

  /** As much as there is room for. */
  function give(): void {
    for (let first = line[0]; first !== undefined && outlet.hasRoom(); first = line[0]) {
      if (signal.aborted) return;
      const frame = first.batch[first.sent];
      if (frame !== undefined) outlet.send(toSocketFrame(frame));
      first.sent += 1;
      if (first.sent < first.batch.length) continue;
      line.shift();
      queue(first);
    }
    if (line.length === 0 || isWaiting) return;
    isWaiting = true;
    outlet.whenRoom(() => {
      isWaiting = false;
      give();
    });
  }
}

/**
 * The event as an event stream has it, byte for byte, with its number put in front: `id` has another meaning in Dify's
 * `message`.
 */
export function toSocketFrame({ id, data }: Frame): string {
  return `{"seq":${id},${data.slice(1)}`;
}
