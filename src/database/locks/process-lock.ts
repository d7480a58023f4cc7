/**
 * The known state of the process that holds a lock. A `missing` one holds its lock, but it gives no other sign of life: it
 * is paused, or its machine is gone. Its turns are abandoned once they are silent, too.
 */
export type HolderState = 'living' | 'dead' | 'missing' | 'unknown';

/**
 * A lock that a server process holds while it runs, and loses however it ends.
 * Each turn stores the name of its holder, so other processes notice when no process runs the turn any more.
 */
export interface ProcessLock {
  /** Takes the lock. Never rejects. If it cannot take the lock, it logs a warning, and the leases of turns decide. */
  take(): Promise<void>;
  /** Returns the name of this process for new turns, or null while it does not hold the lock. */
  holder(): string | null;
  /**
   * Returns the state of each of these holders.
   * @param options.isPatient waits until no state is `unknown`, if the lock can find it out.
   */
  inspect(
    holders: readonly string[],
    options: { readonly isPatient: boolean },
  ): Promise<ReadonlyMap<string, HolderState>>;
  /**
   * Removes the leftovers of dead processes.
   * @param findNamed returns the holders that turns still name. Their leftovers are still needed.
   */
  tidy(findNamed: () => Promise<readonly string[]>): Promise<void>;
  /** Releases the lock. */
  release(): Promise<void>;
}

/** A lock that does nothing, for a process without requests and for a database without locks. */
export const noLock: ProcessLock = {
  take: async () => undefined,
  holder: () => null,
  inspect: async (holders) => new Map(holders.map((holder) => [holder, 'unknown'])),
  tidy: async () => undefined,
  release: async () => undefined,
};

/** A sentence for the log when the process cannot hold a lock. */
export const leasesDecide =
  'If this process dies, its sessions take no questions until CHAT_TURN_LEASE_SECONDS have passed.';
