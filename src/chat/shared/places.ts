/** Places that all processes of an installation share, e.g. for the running turns of a user. */
export interface SharedPlaces {
  /**
   * Takes one of `max` places. The places of a process that dies come free within five seconds. While the processes cannot
   * reach each other, each counts alone, and its own limit must hold.
   * @param isInLine whether the caller asks again and again until it gets a place. A free place then goes to the process
   *   that waits longest, and processes take turns.
   * @returns a function that frees the place; null if all are taken, or if others wait for them.
   */
  take(name: string, max: number, isInLine?: boolean): Promise<(() => void) | null>;
}

/** The places of a process that works alone. Its own limits are enough. */
export const noSharedPlaces: SharedPlaces = { take: async () => () => undefined };
