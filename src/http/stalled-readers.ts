import type { Duplex } from 'node:stream';

import type { Context } from 'koa';

import type { Log } from '../chat';

/** How often a client is looked at within the time that it may take nothing. It is dropped by as much later at most. */
const looks = 20;

/**
 * Calls `onStalled` when a client has taken nothing for `afterMs` though something waits for it in this process. The timer
 * that every socket has is no use: where a part of what was written last is taken, it begins anew only once it has run
 * out, so that it takes up to twice as long.
 * @returns how to stop looking.
 */
export function watchReader(stream: Duplex, afterMs: number, onStalled: () => void): () => void {
  let waitingBefore = 0;
  let hasTaken = false;
  let stalledSinceMs: number | undefined;
  const onDrain = () => (hasTaken = true);
  const timer = setInterval(look, afterMs / looks).unref();
  stream.on('drain', onDrain);
  stream.once('close', stop);
  return stop;

  function look(): void {
    const waiting = stream.writableLength;
    const isStalled = waiting > 0 && waiting >= waitingBefore && !hasTaken;
    waitingBefore = waiting;
    hasTaken = false;
    if (!isStalled) {
      stalledSinceMs = undefined;
      return;
    }
    stalledSinceMs ??= performance.now();
    if (performance.now() - stalledSinceMs < afterMs) return;
    stop();
    onStalled();
  }

  function stop(): void {
    clearInterval(timer);
    stream.off('drain', onDrain);
    stream.off('close', stop);
  }
}

/**
 * Cuts a client off that does not read its reply. A reset, not an orderly end: that would leave megabytes with the kernel for
 * minutes.
 */
export function dropWhenStalled({ req, res, path }: Context, afterMs: number, log: Pick<Log, 'info'>): void {
  if (res.closed) return;
  const stop = watchReader(req.socket, afterMs, () => {
    log.info(`${path}: a stalled reader was dropped.`);
    req.socket.resetAndDestroy();
  });
  res.once('close', stop);
}
