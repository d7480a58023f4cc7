/** What is known of the process that holds a lock. */
export type HolderState = 'living' | 'dead' | 'unknown';

/**
 * A lock that a serving process holds for as long as it lives, and that it loses when it ends, however it ends. Turns
 * name its holder, so that other processes know when nobody answers them any more.
 */
export interface ProcessLock {
  /** Takes the lock. Never rejects: where it cannot be taken, a warning says why, and the leases of turns decide. */
  take(): Promise<void>;
  /** The name of this process for turns that begin now; null while it does not hold the lock. */
  holder(): string | null;
  /**
   * What is known of these holders.
   * @param options.isPatient waits until everything is known that can be.
   */
  inspect(
    holders: readonly string[],
    options: { readonly isPatient: boolean },
  ): Promise<ReadonlyMap<string, HolderState>>;
  /**
   * Removes what dead processes have left.
   * @param findNamed the holders that turns still name: what they have left is needed.
   */
  tidy(findNamed: () => Promise<readonly string[]>): Promise<void>;
  /** Gives the lock back. */
  release(): Promise<void>;
}

/** For a process that serves nobody, and a database that can hold no lock. */
export const noLock: ProcessLock = {
  take: async () => undefined,
  holder: () => null,
  inspect: async (holders) => new Map(holders.map((holder) => [holder, 'unknown'])),
  tidy: async () => undefined,
  release: async () => undefined,
};

/** For the log, where no lock can be held. */
export const leasesDecide =
  'If this process dies, its sessions take no questions until CHAT_TURN_LEASE_SECONDS have passed.';
