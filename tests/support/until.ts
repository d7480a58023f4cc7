/** Looks again and again until something holds, or the time is over. @returns whether it came to hold. */
export async function holdsWithin(ms: number, holds: () => Promise<boolean> | boolean): Promise<boolean> {
  const deadline = Date.now() + ms;
  for (;;) {
    if (await holds()) return true;
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits until something is so. @throws Error if it is not in time. */
export async function until(isSo: () => Promise<boolean> | boolean, timeoutMs = 60_000): Promise<void> {
  if (!(await holdsWithin(timeoutMs, isSo))) throw new Error('It did not come to be in time.');
}
