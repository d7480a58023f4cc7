/** Does `count` jobs, at most `width` at a time. The first that fails ends it. */
export async function sideBySide(
  { count, width }: { readonly count: number; readonly width: number },
  job: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      await job(next - 1);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
}

/** Looks again and again until something holds, or the time is over. @returns whether it came to hold. */
export async function holdsWithin(ms: number, holds: () => Promise<boolean> | boolean): Promise<boolean> {
  const deadline = Date.now() + ms;
  for (;;) {
    if (await holds()) return true;
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
