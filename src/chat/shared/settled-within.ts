/**
 * Waits at most `ms` milliseconds for `work`. On timeout, `work` keeps running and its result is ignored.
 * @returns the result of `work`; undefined on timeout.
 * @throws the error of `work`, if it fails in time.
 */
export async function settledWithin<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([work, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}
