import { isTerminal, type TurnEvent } from '../turn/events.ts';
import type { SessionMessage } from '../types.ts';

interface OfSession<Name extends string> {
  readonly event: Name;
  readonly session_id: string;
}
interface OfMessage<Name extends string> extends OfSession<Name> {
  /** The id of the entry. */
  readonly id: number;
  readonly message_id: string;
}
type WithMessage<Name extends string> = OfMessage<Name> & { readonly message: SessionMessage };

/** A change of a session, made by any device of its owner. */
export type SessionEvent =
  | (OfSession<'connected'> & { readonly live_turn_id: string | null })
  | WithMessage<'message_added' | 'message_edited' | 'message_restored'>
  | (WithMessage<'message_superseded'> & { readonly turn_id: string })
  | OfMessage<'message_deleted' | 'message_read'>
  | (OfSession<'session_renamed'> & { readonly title: string })
  | OfSession<'session_deleted'>;

/** What a socket yields. `connected` comes after each new connection. */
export type SocketEvent = SessionEvent | TurnEvent;

/** The reply to a request. */
export interface ReplyFrame {
  readonly event: 'request_done' | 'request_failed' | 'pong';
  readonly request_id?: number;
  readonly turn_id?: string;
  readonly is_replay?: boolean;
  readonly outcome?: string;
  readonly code?: string;
  readonly status?: number;
  readonly message?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly retry_after?: number;
}
export type Frame = SocketEvent | ReplyFrame;

export const isReply = (frame: Frame): frame is ReplyFrame =>
  ['request_done', 'request_failed', 'pong'].includes(frame.event);

/** Remembers which turns the client has not seen to their end, and where to continue them. */
export function createUnfinishedTurns() {
  const turns = new Map<string, number | 'ended'>();
  return {
    /** Adds a turn of which no event may have come yet. */
    add: (turnId: string) => void turns.set(turnId, turns.get(turnId) ?? 0),
    see(event: SocketEvent): void {
      if (!('seq' in event) || event.turn_id === undefined) return;
      turns.set(event.turn_id, isTerminal(event) ? 'ended' : event.seq);
    },
    /** Returns the last `seq` of a turn, or 0. */
    lastSeq: (turnId: string) => Number(turns.get(turnId) ?? 0) || 0,
    ids: () => [...turns].filter(([, seq]) => seq !== 'ended').map(([turnId]) => turnId),
  };
}
