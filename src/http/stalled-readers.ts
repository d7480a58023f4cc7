import type { Duplex } from 'node:stream';

import type { Context } from 'koa';

import type { Log } from '../chat';

/** The number of checks within `afterMs`. A client is dropped at most one check late. */
const looks = 20;

/**
 * Calls `onStalled` when a client has read nothing for `afterMs` milliseconds although this process has data for it.
 * Node's socket timeout does not work here. After a partial write, it starts again only when it expires.
 * So it can take twice as long.
 * @returns a function that stops the checks.
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
 * Cuts off a client that does not read its reply.
 * It resets the connection, because a normal close would leave megabytes in the kernel for minutes.
 */
export function dropWhenStalled({ req, res, path }: Context, afterMs: number, log: Pick<Log, 'info'>): void {
  if (res.closed) return;
  const stop = watchReader(req.socket, afterMs, () => {
    log.info(`${path}: a stalled reader was dropped.`);
    req.socket.resetAndDestroy();
  });
  res.once('close', stop);
}
