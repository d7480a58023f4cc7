/**
 * Returns a function that settles in a later iteration of the event loop, for at most `perIteration` callers in one. So
 * other requests run between long work of many callers.
 */
export function createYield(perIteration: number): () => Promise<void> {
  const waiting: (() => void)[] = [];

  function release(): void {
    for (const resume of waiting.splice(0, perIteration)) resume();
    if (waiting.length > 0) setImmediate(release);
  }

  return () =>
    new Promise((resolve) => {
      if (waiting.push(resolve) === 1) setImmediate(release);
    });
}
