import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Readable, Stream } from 'node:stream';
import { setTimeout } from 'node:timers/promises';

import type { Context, Next } from 'koa';

/** How long the server reads and discards an unread body. A client that is still sending can then get the reply. */
const lingerMs = 2_000;

/**
 * Closes the connection after the reply to a request whose body was not read to its end.
 * Node would read and discard the rest, and a client could keep sending forever.
 * The server sends the reply first and closes the connection later.
 * Closing it while the client is sending resets it, and the reply can be lost.
 */
export default () =>
  async function unreadBodies(ctx: Context, next: Next): Promise<void> {
    await next();
    const { req, res } = ctx;
    if (req.complete || res.headersSent || ctx.respond === false) return;
    ctx.set('Connection', 'close');
    if (ctx.method === 'HEAD' || ctx.body instanceof Stream || isEmptyStatus(ctx.status)) return;
    const reply = toBytes(ctx);
    ctx.body = Readable.from(replyThenLinger(reply, req));
    ctx.length = reply.length;
  };

/** Returns the bytes that Koa would send. */
function toBytes(ctx: Context): Buffer {
  const { body } = ctx as { body: unknown };
  if (Buffer.isBuffer(body)) return body;
  if (body === null || body === undefined) {
    ctx.type = 'text';
    return Buffer.from(ctx.message);
  }
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

async function* replyThenLinger(reply: Buffer, req: IncomingMessage): AsyncGenerator<Buffer> {
  yield reply;
  if (req.destroyed || req.readableEnded) return;
  const over = new AbortController();
  req.resume();
  const { signal } = over;
  await Promise.race([
    once(req, 'close', { signal }),
    once(req, 'end', { signal }),
    setTimeout(lingerMs, undefined, { signal, ref: false }),
  ]).catch(() => undefined);
  over.abort();
}

const isEmptyStatus = (status: number): boolean => status === 204 || status === 205 || status === 304;
