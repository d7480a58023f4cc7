import { isTerminal, type StreamFormat, type TerminalWireEvent } from '../contract/stream-event';
import type { LiveEvents, LogPart } from '../ports/nodes/live-events';
import { Follower, type Batches, type FollowedLog } from './follower';
import { createCopiedLog } from './log-parts';

/** A turn that another node answers. All its followers in this process share one copy of its log. */
export interface JoinedTurn {
  /** Follows the events as `LiveTurn.follow` does, with the same ids and data. Ends without a terminal event if they are lost. */
  follow(cursor: number, signal: AbortSignal, format?: StreamFormat): Batches;
  /** Settles with the terminal event; null if the events are lost. Never rejects. */
  readonly ended: Promise<TerminalWireEvent | null>;
}

export interface JoinedTurns {
  /**
   * @param isRunning whether the saved turn has not ended.
   * @param isOver returns whether the saved turn has ended, or is gone. It is asked while the turn is silent.
   * @returns null if the events of the turn cannot be read.
   */
  join(turnId: string, isRunning: boolean, isOver: () => Promise<boolean>): Promise<JoinedTurn | null>;
}

export interface JoinedTurnsOptions {
  readonly liveEvents: LiveEvents;
  /** The maximum characters of JSON that a copy keeps. */
  readonly maxChars: number;
  /** A turn that is silent for this long can have ended: its node can be dead. */
  readonly silentMs: number;
}

export function createJoinedTurns(options: JoinedTurnsOptions): JoinedTurns {
  const joined = new Map<string, Promise<JoinedTurn | null>>();
  return {
    join(turnId, isRunning, isOver) {
      const existing = joined.get(turnId);
      if (existing !== undefined) return existing;
      const joining = join({ turnId, isRunning, isOver }, options, () => joined.delete(turnId));
      joined.set(turnId, joining);
      return joining;
    },
  };
}

interface JoinRequest {
  readonly turnId: string;
  readonly isRunning: boolean;
  readonly isOver: () => Promise<boolean>;
}

async function join(
  { turnId, isRunning, isOver }: JoinRequest,
  { liveEvents, maxChars, silentMs }: JoinedTurnsOptions,
  onLeft: () => void,
): Promise<JoinedTurn | null> {
  const log = createCopiedLog(maxChars);
  const followers = new Set<Follower>();
  let hasEnded = false;
  let settleEnded: (event: TerminalWireEvent | null) => void;
  const ended = new Promise<TerminalWireEvent | null>((resolve) => (settleEnded = resolve));
  const silence = watchSilence(silentMs, isOver, () => end(null));
  let leave: (() => void) | null = null;
  leave = await liveEvents.join(turnId, { take, lost: () => end(null) }, isRunning).catch(() => null);
  if (leave === null || log.lastId() === 0) {
    end(null);
    return null;
  }
  const followed: FollowedLog = {
    lastId: log.lastId,
    after: log.after,
    followers,
    hasEnded: () => hasEnded,
    isCopy: true,
    // The next follower begins a new copy.
    onAllLeft: () => end(null),
  };
  if (hasEnded) leave();
  return { ended, follow: (cursor, signal, format) => new Follower(followed, cursor, signal, format) };

  function take(part: LogPart): void {
    if (hasEnded) return;
    silence.heard();
    try {
      const last = log.take(part);
      if (last !== null && isTerminal(last)) end(last);
      else wakeAll();
    } catch {
      // Another version of this server has written it, or a part of it is missing.
      end(null);
    }
  }

  function end(terminal: TerminalWireEvent | null): void {
    if (hasEnded) return;
    hasEnded = true;
    settleEnded(terminal);
    stop();
    wakeAll();
  }

  function wakeAll(): void {
    for (const follower of followers) follower.wake();
  }

  function stop(): void {
    silence.stop();
    leave?.();
    onLeft();
  }
}

/** Calls `onOver` if nothing was heard for `ms`, and the turn is over since one more `ms`. */
function watchSilence(ms: number, isOver: () => Promise<boolean>, onOver: () => void) {
  let wasOver = false;
  let isSilent = false;
  const timer = setInterval(() => void look(), ms).unref();
  return {
    heard() {
      isSilent = false;
      wasOver = false;
    },
    stop: () => clearInterval(timer),
  };

  async function look(): Promise<void> {
    if (!isSilent) {
      isSilent = true;
      return;
    }
    // The last events can still be on their way. A database that is away for a moment ends nothing.
    const isOverNow = await isOver().catch(() => false);
    if (!isSilent) return;
    if (isOverNow && wasOver) onOver();
    wasOver = isOverNow;
  }
}
