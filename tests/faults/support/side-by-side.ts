/** Runs `count` jobs, at most `width` at the same time. Rejects when a job fails. */
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
