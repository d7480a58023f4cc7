import type { Readable } from 'node:stream';
import type { Context } from 'koa';

/** The types that a browser may show. None of them can run a script. It saves all others. */
const shown = /^(image\/(png|jpeg|gif|webp|avif|bmp)|(audio|video)\/[\w.+-]+)$/u;

/**
 * Replies with a file from elsewhere. Nothing in it can run on this server's address: the browser must not guess its
 * type, and a page has no rights.
 */
export function sendFile(
  ctx: Context,
  { mimeType, body }: { readonly mimeType: string; readonly body: Readable },
): void {
  const type = mimeType.split(';')[0]?.trim().toLowerCase() ?? '';
  const isShown = shown.test(type);
  ctx.status = 200;
  ctx.set({
    'Content-Type': isShown ? type : 'application/octet-stream',
    'Content-Disposition': isShown ? 'inline' : 'attachment',
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'Cache-Control': 'private, max-age=600',
  });
  ctx.body = body;
}
