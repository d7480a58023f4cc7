/** npm can deliver one Ctrl-C several times: to the process group, and again by each parent. */
const echoMs = 500;

export interface Interruption {
  /** Aborts at the first Ctrl-C or other signal to end. */
  readonly signal: AbortSignal;
  /** Registers a function that runs at the second signal. The process exits right after it. */
  onSecond(run: () => void): void;
}

export function listenForInterruption(): Interruption {
  const first = new AbortController();
  const atSecond: (() => void)[] = [];
  let firstAt = 0;
  const interrupt = () => {
    if (!first.signal.aborted) {
      firstAt = Date.now();
      first.abort();
    } else if (Date.now() - firstAt > echoMs) {
      for (const run of atSecond) run();
      process.exit(130);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  // The reader of stdout has exited, as in `npm run demo | head`.
  process.stdout.on('error', interrupt);
  watchParent(interrupt);
  return { signal: first.signal, onSecond: (run) => void atSecond.push(run) };
}

/** Resolves when the signal fires. */
export function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** `kill` of npm ends npm and its shell, but the shell sends no signal. A new parent process reveals it. */
function watchParent(onGone: () => void): void {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, 500);
  timer.unref();
}
