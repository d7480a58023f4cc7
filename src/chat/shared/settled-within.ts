/**
 * Waits for `work`, but no longer than `ms`; it goes on then behind the caller's back, and how it ends is nobody's concern.
 * @returns what `work` came to; undefined when it took too long. @throws what `work` throws in time.
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
