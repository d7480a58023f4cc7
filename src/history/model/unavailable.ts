/** The two databases between which the writer copies. */
export type Side = 'history' | 'main-database';

/** One of the two databases failed; `cause` says why. */
export class Unavailable extends Error {
  constructor(
    readonly side: Side,
    cause: unknown,
  ) {
    super(`The ${side} is not available.`, { cause });
  }
}

/** Waits for `work`. Adds to an error which database is at fault. */
export async function at<T>(side: Side, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new Unavailable(side, error);
  }
}
