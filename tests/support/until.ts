/** Checks a condition every 10 ms until it holds or the time is over. @returns whether it holds. */
export async function holdsWithin(ms: number, holds: () => Promise<boolean> | boolean): Promise<boolean> {
  const deadline = Date.now() + ms;
  for (;;) {
    if (await holds()) return true;
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits until a condition holds. @throws Error if it does not hold in time. */
export async function until(isSo: () => Promise<boolean> | boolean, timeoutMs = 60_000): Promise<void> {
  if (!(await holdsWithin(timeoutMs, isSo))) throw new Error('The condition did not hold in time.');
}
