import type { ChatError } from '../errors';
import type { LiveTurns } from '../stream/live-turns';
import type { NodeBus } from '../ports/nodes/node-bus';
import { watchOtherNodes } from './announced-turns';
import type { Owner, TokenScope } from '../model/owner';
import type { SessionAccess } from './access';
import type { SessionEntry } from '../model/session';
import type { SessionEvents } from './events';
import { createSessionFeed, type Outlet } from './feed';
import { createSessionRequests, toFailure } from './socket-requests';
import type { RequestSettings } from '../settings';
import type { Turns } from '../turn/turns';
import type { WriteLimits } from '../limits/write-limits';

/** The connection of an owner's client to one session, until `signal` fires. */
export interface SessionConnection {
  /** Handles a frame from the client. Never rejects: it sends every error to the client. */
  receive(frame: string): Promise<void>;
  /** Settles when no turn is being sent any more. */
  idle(): Promise<void>;
}

export interface ConnectOptions {
  readonly owner: Owner;
  readonly scopes: readonly TokenScope[];
  /** The caller has checked that the session belongs to the owner. */
  readonly session: SessionEntry;
  readonly outlet: Outlet;
  readonly signal: AbortSignal;
  /** Converts any error to the one that the client gets. */
  readonly toClientError: (error: unknown) => ChatError;
}

export interface SessionConnectionsOptions {
  readonly live: LiveTurns;
  readonly bus: NodeBus;
  readonly events: SessionEvents;
  readonly turns: Pick<Turns, 'send' | 'stop' | 'follow'>;
  readonly sessions: Pick<SessionAccess, 'find'>;
  readonly writes: WriteLimits;
  readonly request: RequestSettings;
}

/** For the WebSocket server. One connection sends events of a session to a client and takes its requests. */
export type Connect = (options: ConnectOptions) => SessionConnection;

export function createConnect({
  live,
  bus,
  events,
  turns,
  sessions,
  writes,
  request,
}: SessionConnectionsOptions): Connect {
  return ({ owner, scopes, session, outlet, signal, toClientError }) => {
    const { sessionId } = session;
    const running = live.all().find((turn) => turn.sessionId === sessionId);
    const liveTurnId = running?.turnId ?? session.liveTurnId;
    outlet.send(JSON.stringify({ event: 'connected', session_id: sessionId, live_turn_id: liveTurnId }));
    const feed = createSessionFeed({
      live,
      events,
      owner,
      sessionId,
      outlet,
      onBroken: (turnId, error) =>
        outlet.send(JSON.stringify({ ...toFailure(toClientError(error)), type: 'resume', turn_id: turnId })),
      signal,
    });
    watchOtherNodes({ live, bus, turns, sessions, owner, sessionId, liveTurnId, feed, signal });
    const receive = createSessionRequests({
      turns,
      sessions,
      writes,
      settings: request,
      owner,
      scopes,
      sessionId,
      feed,
      outlet,
      toClientError,
    });
    return { receive, idle: feed.idle };
  };
}
