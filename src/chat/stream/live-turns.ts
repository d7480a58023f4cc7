import type { RateLimit } from '../errors';
import { createCondition } from '../shared/condition';
import { createFrameLog } from './frame-log';
import { atLoopEnd } from './loop-end';
import type { Frame } from './sse';
import { createTopics } from '../shared/topics';
import { isTerminal, type TerminalWireEvent, type WireEvent } from '../contract/stream-event';
import type { MessageHead } from './message-head';

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
  follow(cursor: number, signal: AbortSignal): AsyncGenerator<readonly Frame[], void>;
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
  const news = createCondition();
  const endRequest = new AbortController();
  let followers = 0;
  let lingering: NodeJS.Timeout | undefined;
  let isEnded = false;
  let isNotifying = false;
  let settleEnded: (event: TerminalWireEvent) => void;
  const ended = new Promise<TerminalWireEvent>((resolve) => {
    settleEnded = resolve;
  });

  function assertRunning(): void {
    if (isEnded) throw new Error(`Turn ${turn.turnId} has ended: nothing can follow its terminal event.`);
  }

  /** Wakes the followers at the end of this iteration of the event loop, so that they get its events as one batch. */
  function notifySoon(): void {
    if (isNotifying) return;
    isNotifying = true;
    atLoopEnd(() => {
      isNotifying = false;
      news.notify();
    });
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
    // The last follower to leave frees the log. One that does not read must not keep all of it until then.
    if (followers > 0) lingering = setTimeout(log.shrink, lingerMs).unref();
    // Immediately: whoever awaits `ended` may close what the followers write to.
    news.notify();
  }

  function appendText(head: MessageHead, text: string): void {
    assertRunning();
    log.appendText(head, text);
    notifySoon();
  }

  async function* follow(cursor: number, signal: AbortSignal): AsyncGenerator<readonly Frame[], void> {
    // A cursor that this log never gave comes from another process. That follower begins anew.
    let last = cursor > log.lastId() ? 0 : Math.max(0, cursor);
    followers += 1;
    signal.addEventListener('abort', news.notify);
    try {
      while (!signal.aborted) {
        const batch = log.after(last);
        last = batch.at(-1)?.id ?? last;
        if (batch.length > 0) yield batch;
        else if (isEnded) return;
        else await news.wait();
      }
    } finally {
      signal.removeEventListener('abort', news.notify);
      followers -= 1;
      if (followers === 0) clearTimeout(lingering);
    }
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
