/** Places that all processes of an installation share, e.g. for the running turns of a user. */
export interface SharedPlaces {
  /**
   * Takes one of `max` places. The places of a process that dies come free within five seconds. While the processes cannot
   * reach each other, each counts alone, and its own limit must hold.
   * @returns a function that frees the place; null if all are taken.
   */
  take(name: string, max: number): Promise<(() => void) | null>;
}

/** The places of a process that works alone. Its own limits are enough. */
export const noSharedPlaces: SharedPlaces = { take: async () => () => undefined };
