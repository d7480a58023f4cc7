/**
 * Changes the schema of the database once. If two processes start at the same time, one makes the change and the other
 * finds it done.
 */
export async function unlessDone(
  isDone: () => Promise<boolean>,
  work: () => Promise<unknown>,
): Promise<void> {
  if (await isDone()) return;
  try {
    await work();
  } catch (error) {
    if (!(await isDone())) throw error;
  }
}
