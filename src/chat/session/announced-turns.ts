import { z } from 'zod';

import type { Owner } from '../model/owner';
import type { NodeBus } from '../ports/nodes/node-bus';
import type { Nodes } from '../ports/nodes/nodes';
import type { LiveTurn, LiveTurns } from '../stream/live-turns';
import type { Turns } from '../turn/turns';
import type { SessionAccess } from './access';
import type { SessionFeed } from './feed';

const topicOf = (sessionId: string): string => `turns:${sessionId}`;
const message = z.object({ turnId: z.string() });

/** Shares a new turn of this process with other nodes. Tells those whose clients are connected to its session. */
export function announceTurn({ bus, liveEvents }: Nodes, turn: LiveTurn): void {
  liveEvents.share(turn.toShared());
  bus.send(topicOf(turn.sessionId), { turnId: turn.turnId });
}

export interface WatchOptions {
  readonly live: LiveTurns;
  readonly bus: NodeBus;
  readonly turns: Pick<Turns, 'follow'>;
  readonly sessions: Pick<SessionAccess, 'find'>;
  readonly owner: Owner;
  readonly sessionId: string;
  /** The turn that the client was told to be live; null if none. */
  readonly liveTurnId: string | null;
  readonly feed: SessionFeed;
  /** Fires when the client is gone. */
  readonly signal: AbortSignal;
}

/** Sends a connected client the turns of its session that other nodes answer, from their first events. */
export function watchOtherNodes(options: WatchOptions): void {
  const { live, bus, turns, sessions, owner, sessionId, liveTurnId, feed, signal } = options;
  const listening = bus.listen(topicOf(sessionId), (given) => {
    const { data } = message.safeParse(given);
    if (data !== undefined) void follow(data.turnId).catch(() => undefined);
  });
  // Turns that were announced before this, or while the bus was away.
  const endWatching = bus.onBack(() => void listening.begun.then(lookUp));
  void listening.begun.then(async () => {
    // It can have ended meanwhile. The client was told to expect its events.
    if (liveTurnId !== null && bus.isConnected()) await follow(liveTurnId).catch(() => undefined);
    await lookUp();
  });
  const leave = () => {
    listening.end();
    endWatching();
  };
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });

  /** If the database is away, the client still gets the turns that begin later. Never rejects. */
  async function lookUp(): Promise<void> {
    if (!bus.isConnected() || signal.aborted) return;
    try {
      const session = await sessions.find(owner, sessionId);
      if (session.liveTurnId !== null) await follow(session.liveTurnId);
    } catch {
      // The session is deleted, which closes the connection.
    }
  }

  async function follow(turnId: string): Promise<void> {
    if (signal.aborted || live.find(turnId) !== undefined || feed.isFollowing(turnId)) return;
    const start = await turns.follow(owner, turnId, 0);
    if (start !== null && live.find(turnId) === undefined) feed.follow(turnId, start);
  }
}
