/**
 * Does `work` with a signal that fires with `signal`, with its reason, or after `ms`, with the error that `tooLate` makes.
 */
export async function withDeadline<T>(
  {
    ms,
    signal,
    tooLate,
  }: { readonly ms: number; readonly signal: AbortSignal | undefined; readonly tooLate: () => Error },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(tooLate()), ms);
  const leave = () => controller.abort(signal?.reason);
  signal?.addEventListener('abort', leave);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', leave);
  }
}
