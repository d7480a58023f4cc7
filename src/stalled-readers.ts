import type { Context } from 'koa';

import type { Log } from './chat';

/**
 * Cuts a client off that has taken nothing for `afterMs` though something is there for it. The socket's own timer knows of
 * every byte the kernel takes. A reset, not an orderly end: that would leave megabytes with the kernel for minutes.
 */
export function dropWhenStalled({ res, path }: Context, afterMs: number, log: Pick<Log, 'info'>): void {
  res.setTimeout(afterMs, () => {
    if (res.writableLength === 0) {
      res.setTimeout(afterMs);
    } else {
      log.info(`${path}: a stalled reader was dropped.`);
      res.socket?.resetAndDestroy();
    }
  });
}
