import { Readable } from 'node:stream';
import type { Context } from 'koa';

import { describeError, type Log } from '../chat';
import { cutOffAfter } from './cut-off';

export interface StreamedText {
  /** The `Content-Type` of the reply. */
  readonly type: string;
  readonly log: Pick<Log, 'info' | 'error'>;
  /** When it fires, the server cuts the client off. */
  readonly loginEnd: AbortSignal;
}

/**
 * Replies with a text of any length. Reads `pieces` only as fast as the client reads the reply.
 * An error before the first piece is thrown as usual. After it, the server cuts the connection.
 * A normal end would make an incomplete text look complete. When the client leaves, `pieces.return()` is called.
 */
export async function streamText(
  ctx: Context,
  { type, log, loginEnd }: StreamedText,
  pieces: AsyncGenerator<string, void>,
): Promise<void> {
  cutOffAfter(loginEnd, 0, ctx, log);
  const first = await pieces.next();
  ctx.status = 200;
  ctx.set({ 'Content-Type': type, 'Cache-Control': 'no-store' });
  ctx.body = Readable.from(guarded(), { objectMode: false });

  async function* guarded(): AsyncGenerator<string, void> {
    try {
      if (first.done !== true) yield first.value;
      yield* pieces;
    } catch (error) {
      log.error(`${ctx.method} ${ctx.path}: cut off: ${describeError(error)}`);
      ctx.res.destroy();
    } finally {
      await pieces.return();
    }
  }
}
