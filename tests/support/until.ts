/** Waits until something is so. @throws Error if it is not within a minute. */
export async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error('It did not come to be in time.');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
