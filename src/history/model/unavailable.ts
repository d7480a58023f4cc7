/** The two databases that copying takes. */
export type Side = 'history' | 'main-database';

/** One of them did not do what it was asked; `cause` says why. */
export class Unavailable extends Error {
  constructor(
    readonly side: Side,
    cause: unknown,
  ) {
    super(`The ${side} is not available.`, { cause });
  }
}

/** Names the database that is at fault when this does not succeed. */
export async function at<T>(side: Side, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new Unavailable(side, error);
  }
}
