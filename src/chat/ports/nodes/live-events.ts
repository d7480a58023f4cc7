/**
 * Shares the events of running turns between nodes, so that clients can follow a turn at any node. It holds no event that
 * is not saved elsewhere: while it is away, clients follow the saved rows of a turn.
 */
export interface LiveEvents {
  /** Shares the events of a turn of this process with the other nodes, until its end. The turn never waits for it. */
  share(log: SharedLog): void;
  /**
   * Reads the events of a turn, and then all later ones, in order. Those of an ended turn exist for a minute.
   * @param isRunning whether its first events can still be on their way.
   * @returns a function that ends this; null if the events cannot be read.
   */
  join(turnId: string, reader: LogReader, isRunning: boolean): Promise<(() => void) | null>;
}

/** Consecutive events of a turn. Their ids count from 1. */
export interface LogPart {
  readonly firstId: number;
  readonly lastId: number;
  /** A JSON array. See `stream/log-parts`. */
  readonly json: string;
}

/** The events that an answering node shares. Only one caller reads them. */
export interface SharedLog {
  readonly turnId: string;
  /** Returns the events after those that the last call has returned; null if there are none. */
  next(): LogPart | null;
  /** Returns all events again. The first entry replaces the events that the log has dropped. */
  all(): LogPart | null;
  hasEnded(): boolean;
  /** Calls `listener` at the end of each event loop iteration with new events. */
  onEvents(listener: () => void): void;
}

export interface LogReader {
  /** Takes the next events. They can begin with events that it has. It must not throw. */
  take(part: LogPart): void;
  /** Called when no more events can be read, although the turn may run. */
  lost(): void;
}

/** The live events of a process that works alone. */
export const noLiveEvents: LiveEvents = {
  share: () => undefined,
  join: () => Promise.resolve(null),
};
