import { once } from 'node:events';

import type { RateLimit } from '../errors';
import { Follower, type Batches, type FollowedLog } from './follower';
import { createFrameLog } from './frame-log';
import { atLoopEnd } from './loop-end';
import { createTopics } from '../shared/topics';
import {
  isTerminal,
  type StreamFormat,
  type TerminalWireEvent,
  type WireEvent,
} from '../contract/stream-event';
import { createSharedLog } from './log-parts';
import type { MessageHead } from './message-head';
import type { SharedLog } from '../ports/nodes/live-events';

/**
 * A running turn: an append-only log with one writer, the pump, and any number of followers. Each follower has its own
 * cursor. A follower that is slow or leaves delays nothing, and costs only its cursor.
 */
export interface LiveTurn {
  readonly turnId: string;
  readonly sessionId: string;
  readonly ownerId: number;
  /** The rest of the owner's minute after this turn was counted; null if turns per minute have no limit. */
  readonly rateLimit: RateLimit | null;
  /** Settles with the terminal event. Never rejects. */
  readonly ended: Promise<TerminalWireEvent>;
  /** Waits for the end as a reader. @returns null if `signal` fires first. */
  awaitEnd(signal: AbortSignal): Promise<TerminalWireEvent | null>;
  /** Returns whether a client follows the turn or waits for its end. */
  isRead(): boolean;
  /** Requests the end of the turn. The first request counts. The turn ends soon after, with the text so far. */
  requestEnd(reason: EndReason): void;
  /**
   * Returns the events after `cursor`, in order. A batch has the events that are ready when the follower asks for it. If
   * the log has dropped events that a slow follower missed, one `message_replace` with their text replaces them. Ends
   * after the terminal event, or when `signal` fires.
   */
  follow(cursor: number, signal: AbortSignal, format?: StreamFormat): Batches;
  /** Returns the events for other nodes. Call it once. */
  toShared(): SharedLog;
}

/**
 * Why a turn must end before its answer does: its owner stops it, the process shuts down, or another process has taken it
 * over, because this one was paused.
 */
export type EndReason = 'stop' | 'shutdown' | 'taken-over';

/** The writer's side of a live turn. */
export interface TurnLog extends LiveTurn {
  /** Fires when an end is requested, with the `EndReason` as its reason. */
  readonly endRequest: AbortSignal;
  /** Returns the id of the last appended event. */
  lastId(): number;
  /** Appends an event. A terminal event ends the log: nothing can follow it. */
  append(event: WireEvent): void;
  /** Appends a `message` event at low cost. Nearly every event is one. */
  appendText(head: MessageHead, text: string): void;
}

/** How long followers can read every event of an ended turn. After that, the log keeps only the text for them. */
const lingerMs = 5_000;

export interface TurnLogOptions extends Pick<LiveTurn, 'turnId' | 'sessionId' | 'ownerId' | 'rateLimit'> {
  /** The maximum characters of JSON that the log keeps while the turn runs. */
  readonly maxChars: number;
}

export function createTurnLog({ maxChars, ...turn }: TurnLogOptions): TurnLog {
  const log = createFrameLog(maxChars);
  const followers = new Set<Follower>();
  const endRequest = new AbortController();
  let lingering: NodeJS.Timeout | undefined;
  /** How many clients wait for the end without following. */
  let waiting = 0;
  let isEnded = false;
  let isNotifying = false;
  let onShared: (() => void) | undefined;
  let settleEnded: (event: TerminalWireEvent) => void;
  const ended = new Promise<TerminalWireEvent>((resolve) => {
    settleEnded = resolve;
  });

  function assertRunning(): void {
    if (isEnded) throw new Error(`Turn ${turn.turnId} has ended: nothing can follow its terminal event.`);
  }

  /** Wakes the followers at the end of this event loop iteration. So they get all its events as one batch. */
  function notifySoon(): void {
    if (isNotifying) return;
    isNotifying = true;
    atLoopEnd(() => {
      isNotifying = false;
      wakeAll();
    });
  }

  function wakeAll(): void {
    for (const follower of followers) follower.wake();
    onShared?.();
  }

  function append(event: WireEvent): void {
    assertRunning();
    log.append(event);
    if (!isTerminal(event)) {
      notifySoon();
      return;
    }
    isEnded = true;
    settleEnded(event);
    // The last follower that leaves frees the log. A follower that does not read must not keep all of it until then.
    if (followers.size > 0) lingering = setTimeout(log.shrink, lingerMs).unref();
    // Notify immediately: code that awaits `ended` may close the connections of the followers.
    wakeAll();
  }

  function appendText(head: MessageHead, text: string): void {
    assertRunning();
    log.appendText(head, text);
    notifySoon();
  }

  const followed: FollowedLog = {
    lastId: log.lastId,
    after: log.after,
    followers,
    hasEnded: () => isEnded,
    onAllLeft: () => clearTimeout(lingering),
  };

  return {
    ended,
    lastId: log.lastId,
    append,
    appendText,
    follow: (cursor, signal, format) => new Follower(followed, cursor, signal, format),
    async awaitEnd(signal) {
      if (signal.aborted) return null;
      waiting += 1;
      try {
        return await unlessFired(signal, ended);
      } finally {
        waiting -= 1;
      }
    },
    isRead: () => followers.size + waiting > 0,
    toShared: () => ({
      ...createSharedLog(log),
      turnId: turn.turnId,
      hasEnded: () => isEnded,
      onEvents: (listener) => void (onShared = listener),
    }),
    endRequest: endRequest.signal,
    requestEnd: (reason) => endRequest.abort(reason),
    ...turn,
  };
}

/** Waits for `work`. @returns null if `signal` fires first. */
export async function unlessFired<T>(signal: AbortSignal, work: Promise<T>): Promise<T | null> {
  if (signal.aborted) return null;
  const left = new AbortController();
  const leaving = once(signal, 'abort', { signal: left.signal }).then(
    () => null,
    () => null,
  );
  try {
    return await Promise.race([work, leaving]);
  } finally {
    left.abort();
  }
}

/** The turns that run in this process. */
export interface LiveTurns {
  add(turn: LiveTurn): void;
  /** Calls `listener` with each new turn of a session, before its first event. @returns a function that ends this. */
  watch(sessionId: string, listener: (turn: LiveTurn) => void): () => void;
  find(turnId: string): LiveTurn | undefined;
  all(): readonly LiveTurn[];
  /** Settles when no turn is left. */
  idle(): Promise<void>;
}

/** @param onAdded is called with each new turn, before its first event. */
export function createLiveTurns(onAdded: (turn: LiveTurn) => void = () => undefined): LiveTurns {
  const turns = new Map<string, LiveTurn>();
  const watchers = createTopics<LiveTurn>();
  return {
    add(turn) {
      turns.set(turn.turnId, turn);
      onAdded(turn);
      void turn.ended.then(() => turns.delete(turn.turnId));
      watchers.publish(turn.sessionId, turn);
    },
    watch: watchers.subscribe,
    find: (turnId) => turns.get(turnId),
    all: () => [...turns.values()],
    async idle() {
      while (turns.size > 0) await Promise.all([...turns.values()].map(({ ended }) => ended));
    },
  };
}
