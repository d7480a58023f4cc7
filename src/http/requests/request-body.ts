import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createUnzip } from 'node:zlib';

import type { Context } from 'koa';

import { ChatError } from '../../chat';
import { onClosed } from '../on-closed';

/** The body of a request without its `Content-Encoding`. */
export interface DecodedBody {
  readonly stream: Readable;
  /** Stops reading. The connection stays open for the reply. */
  stop(): void;
  /** Converts an error of `stream` to the one that the client gets. */
  toClientError(error: Error): Error;
}

const decoders: ReadonlyMap<string, () => Transform> = new Map([
  ['gzip', createUnzip],
  ['x-gzip', createUnzip],
  ['deflate', createUnzip],
  ['br', createBrotliDecompress],
]);

/** Returns whether the client announces a body of at least one byte. */
export function hasBody(ctx: Context): boolean {
  return Number(ctx.get('Content-Length')) > 0 || ctx.get('Transfer-Encoding') !== '';
}

/** Decodes the body of a request. @throws ChatError `invalid-request` for an unknown `Content-Encoding` */
export function decodeBody(ctx: Context): DecodedBody {
  const { req } = ctx;
  const coding = ctx.get('Content-Encoding').trim().toLowerCase();
  if (coding === '' || coding === 'identity') {
    return { stream: req, stop: () => req.pause(), toClientError: (error) => error };
  }
  const create = decoders.get(coding);
  if (create === undefined) {
    throw new ChatError('invalid-request', { sentence: 'Content-Encoding must be gzip, deflate or br.' });
  }
  const decoder = create();
  return {
    stream: req.pipe(decoder),
    stop() {
      req.unpipe(decoder).pause();
      decoder.destroy();
    },
    toClientError: (cause) =>
      new ChatError('invalid-request', { sentence: 'The body does not fit its Content-Encoding.', cause }),
  };
}

/**
 * Reads a whole body without its `Content-Encoding`.
 * @throws ChatError `payload-too-large` or `invalid-request`
 */
export async function readBody(ctx: Context, maxBytes: number): Promise<Buffer> {
  if (Number(ctx.get('Content-Length')) > maxBytes) throw new ChatError('payload-too-large');
  const { stream, stop, toClientError } = decodeBody(ctx);
  const chunks: Buffer[] = [];
  let size = 0;
  let stopWaiting = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) reject(new ChatError('payload-too-large'));
        else chunks.push(chunk);
      });
      stream.once('end', resolve);
      stream.on('error', (error) => reject(toClientError(error)));
      // A decoder does not end when the client leaves.
      const onLeft = () => reject(new ChatError('invalid-request', { sentence: 'The body broke off.' }));
      stopWaiting = onClosed(ctx.res, onLeft);
    });
  } catch (error) {
    stop();
    throw error;
  } finally {
    // The response can stay open for minutes. Its listener would keep the body in memory.
    stopWaiting();
  }
  // So does the listener for errors, which a stream needs as long as it is open.
  return Buffer.concat(chunks.splice(0));
}
