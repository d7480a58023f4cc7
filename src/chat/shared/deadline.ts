/**
 * Does `work` with a signal of its own. That fires when `signal` fires, with the same reason. It also fires after `ms`
 * milliseconds, with the error of `tooLate`.
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
