/**
 * Runs a schema change unless it is already done.
 * If two processes start at the same time, one makes the change. The other one fails and then finds the change done.
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
