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

/** A list up to here is a reply like any other, with a tag. The server sends a longer one while it reads it. */
const maxTaggedChars = 200_000;

/** Replies with a list of any length in JSON. */
export async function replyWithList(
  ctx: Context,
  options: Omit<StreamedText, 'type'>,
  pages: AsyncIterable<readonly object[]>,
): Promise<void> {
  const items = toTexts(pages);
  let begun = '';
  while (begun.length <= maxTaggedChars) {
    const next = await items.next();
    if (next.done === true) {
      ctx.type = 'application/json';
      ctx.body = `[${begun}]`;
      return;
    }
    begun = begun === '' ? next.value : `${begun},${next.value}`;
  }
  const type = 'application/json; charset=utf-8';
  await streamText(ctx, { ...options, type }, toJsonList(begun, items));
}

/** Yields a list that begins with at least one item. Ends `rest` when it is ended itself. */
async function* toJsonList(begun: string, rest: AsyncGenerator<string, void>): AsyncGenerator<string, void> {
  try {
    yield `[${begun}`;
    for await (const items of rest) yield `,${items}`;
    yield ']';
  } finally {
    await rest.return();
  }
}

async function* toTexts(pages: AsyncIterable<readonly object[]>): AsyncGenerator<string, void> {
  for await (const page of pages) {
    if (page.length > 0) yield page.map((item) => JSON.stringify(item)).join(',');
  }
}
