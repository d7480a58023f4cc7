import type { Context } from 'koa';

import type { Log } from '../chat';
import { onClosed } from './on-closed';

/** Cuts the client off if its response has not ended `afterMs` milliseconds after the end of its login. */
export function cutOffAfter(
  loginEnd: AbortSignal,
  afterMs: number,
  ctx: Context,
  log: Pick<Log, 'info'>,
): void {
  const { res, path } = ctx;
  const cutOff = () => {
    log.info(`${path}: cut off, as its login has ended.`);
    res.socket?.resetAndDestroy();
  };
  loginEnd.addEventListener('abort', () => {
    const timer = setTimeout(cutOff, afterMs);
    onClosed(res, () => clearTimeout(timer));
  });
}
