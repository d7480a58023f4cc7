import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { chatOf } from './compose';

/**
 * Cuts a client off that has taken nothing for `CHAT_STALLED_READER_SECONDS` though something is there for it. The socket's
 * own timer knows of every byte the kernel takes. A reset, not an orderly end: that would leave megabytes with the kernel
 * for minutes.
 */
export function dropWhenStalled({ res, path }: Context, strapi: Core.Strapi): void {
  const { stalledReaderMs } = chatOf(strapi).settings;
  res.setTimeout(stalledReaderMs, () => {
    if (res.writableLength === 0) {
      res.setTimeout(stalledReaderMs);
    } else {
      strapi.log.info(`${path}: a stalled reader was dropped.`);
      res.socket?.resetAndDestroy();
    }
  });
}
