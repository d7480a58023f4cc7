import type { RateLimit } from './errors';
import type { Frame } from './sse/encode';
import { createTopics } from './topics';
import { isTerminal, type TerminalWireEvent, type WireEvent } from './wire-event';

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
   * The events after `cursor`, in order and without a gap, in batches: everything that is ready each time the
   * follower comes back. Ends after the terminal event, or when `signal` fires.
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
}

/** Bounds what one batch, hence one write to a client far behind, can hold. */
const maxBatchEvents = 256;

export function createTurnLog(
  turn: Pick<LiveTurn, 'turnId' | 'sessionId' | 'ownerId' | 'rateLimit'>,
): TurnLog {
  const log: Frame[] = [];
  const waiting = new Set<() => void>();
  const endRequest = new AbortController();
  let isEnded = false;
  let settleEnded: (event: TerminalWireEvent) => void;
  const ended = new Promise<TerminalWireEvent>((resolve) => {
    settleEnded = resolve;
  });

  function append(event: WireEvent): void {
    if (isEnded) throw new Error(`Turn ${turn.turnId} has ended: nothing can follow its terminal event.`);
    log.push({ id: log.length + 1, data: JSON.stringify(event) });
    if (isTerminal(event)) {
      isEnded = true;
      settleEnded(event);
    }
    for (const wake of waiting) wake();
  }

  function nextAppend(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  async function* follow(cursor: number, signal: AbortSignal) {
    // A cursor that is none of this log's (another process gave it) begins anew.
    let next = cursor > log.length ? 0 : Math.max(0, cursor);
    while (!signal.aborted) {
      if (next < log.length) {
        const batch = log.slice(next, next + maxBatchEvents);
        next += batch.length;
        yield batch;
      } else if (isEnded) {
        return;
      } else {
        await nextAppend(signal);
      }
    }
  }

  return {
    ...turn,
    ended,
    append,
    follow,
    endRequest: endRequest.signal,
    requestEnd: (reason) => endRequest.abort(reason),
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
