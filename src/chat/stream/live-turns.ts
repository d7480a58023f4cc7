import type { RateLimit } from '../errors';
import { createFollower, done, type Follower, type Waiter } from './follower';
import { createFrameLog } from './frame-log';
import { tellAtLoopEnd } from './loop-end';
import type { Frame } from './sse';
import { createTopics } from '../shared/topics';
import {
  isTerminal,
  type MessageHead,
  type TerminalWireEvent,
  type WireEvent,
} from '../contract/stream-event';

/**
 * A running turn: an append-only log with one writer, the pump, and any number of followers, each with a cursor of
 * its own. A follower that is slow, leaves or never comes holds nothing up and costs nothing but its cursor.
 */
export interface LiveTurn {
  readonly turnId: string;
  readonly sessionId: string;
  readonly ownerId: number;
  /** What its owner's minute had left once this turn was counted; null where turns per minute have no limit. */
  readonly rateLimit: RateLimit | null;
  /** Settles with the terminal event. Never rejects. */
  readonly ended: Promise<TerminalWireEvent>;
  /** Asks for the end of the turn; the first request counts. It ends soon after, with what has arrived by then. */
  requestEnd(reason: EndReason): void;
  /**
   * The events after `cursor`, in order, in batches: what is ready each time the follower comes back. Without a gap,
   * unless it is so far behind that what it missed is no longer kept: then one `message_replace` with the text up to
   * there takes the place of that. Ends after the terminal event, or when `signal` fires.
   */
  follow(cursor: number, signal: AbortSignal): Follower<readonly Frame[]>;
}

/** Why a turn is to end before its answer does: its owner wants no more of it, or the process is going down. */
export type EndReason = 'stop' | 'shutdown';

/** The writer's side of a live turn. */
export interface TurnLog extends LiveTurn {
  /** Fires when an end is requested, with the `EndReason` as its reason. */
  readonly endRequest: AbortSignal;
  /** A terminal event ends the log: nothing can follow it. */
  append(event: WireEvent): void;
  /** Appends a `message` event: what nearly every event is, for a fraction of the cost. */
  appendText(head: MessageHead, text: string): void;
}

/** How long followers have to read a turn to its end, each event of it. After that only the text is kept for them. */
const lingerMs = 5_000;

export interface TurnLogOptions extends Pick<LiveTurn, 'turnId' | 'sessionId' | 'ownerId' | 'rateLimit'> {
  /** Characters of JSON that are kept of the events while the turn runs. */
  readonly maxChars: number;
}

export function createTurnLog({ maxChars, ...turn }: TurnLogOptions): TurnLog {
  const log = createFrameLog(maxChars);
  const waiting = new Set<Waiter>();
  const endRequest = new AbortController();
  let lingering: NodeJS.Timeout | undefined;
  let isEnded = false;
  let isTelling = false;
  let settleEnded: (event: TerminalWireEvent) => void;
  const ended = new Promise<TerminalWireEvent>((resolve) => {
    settleEnded = resolve;
  });

  function assertRunning(): void {
    if (isEnded) throw new Error(`Turn ${turn.turnId} has ended: nothing can follow its terminal event.`);
  }

  /** What sockets bring in one iteration of the event loop is told as one batch, to each follower by a task of its own. */
  function tell(): void {
    if (isTelling) return;
    isTelling = true;
    tellAtLoopEnd(() => (isTelling = false));
    for (const { wake } of waiting) tellAtLoopEnd(wake);
  }

  function join(waiter: Waiter): void {
    waiting.add(waiter);
    // What is still to come in this iteration is told by no other task.
    if (isTelling) tellAtLoopEnd(waiter.wake);
  }

  function wakeAll(): void {
    for (const { wake } of waiting) wake();
  }

  function append(event: WireEvent): void {
    assertRunning();
    log.append(event);
    if (isTerminal(event)) {
      isEnded = true;
      settleEnded(event);
      // The log is gone with its last follower. One that does not read must not keep all of it for so long.
      if (waiting.size > 0) lingering = setTimeout(log.shrink, lingerMs).unref();
      // At once: whoever waited for the end may go on to close what a follower writes to.
      queueMicrotask(wakeAll);
    } else {
      tell();
    }
  }

  function appendText(head: MessageHead, text: string): void {
    assertRunning();
    log.appendText(head, text);
    tell();
  }

  function follow(cursor: number, signal: AbortSignal): Follower<readonly Frame[]> {
    let last: number | undefined;
    const take = (): IteratorResult<readonly Frame[], void> | null => {
      // A cursor that is none of this log's (another process gave it) begins anew.
      last ??= cursor > log.lastId() ? 0 : Math.max(0, cursor);
      const batch = log.after(last);
      if (batch.length === 0) return isEnded ? done : null;
      last = batch.at(-1)?.id ?? last;
      return { done: false, value: batch };
    };
    const onLeave = (waiter: Waiter) => {
      waiting.delete(waiter);
      if (waiting.size === 0) clearTimeout(lingering);
    };
    return createFollower({ take, signal, onJoin: join, onLeave });
  }

  return {
    ended,
    append,
    appendText,
    follow,
    endRequest: endRequest.signal,
    requestEnd: (reason) => endRequest.abort(reason),
    ...turn,
  };
}

/** The turns running in this process. */
export interface LiveTurns {
  add(turn: LiveTurn): void;
  /** Tells of each turn of a session as it is added, before its first event. @returns how to end it. */
  watch(sessionId: string, listener: (turn: LiveTurn) => void): () => void;
  find(turnId: string): LiveTurn | undefined;
  all(): readonly LiveTurn[];
  /** Settles when none is left. */
  idle(): Promise<void>;
}

export function createLiveTurns(): LiveTurns {
  const turns = new Map<string, LiveTurn>();
  const watchers = createTopics<LiveTurn>();
  return {
    add(turn) {
      turns.set(turn.turnId, turn);
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
