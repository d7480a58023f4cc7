import type { Writable } from 'node:stream';

/**
 * Calls `run` when the stream is closed. Of a stream that is closed already, 'close' does not fire again: calls it now.
 * @returns a function that ends the wait.
 */
export function onClosed(stream: Pick<Writable, 'closed' | 'once' | 'off'>, run: () => void): () => void {
  if (stream.closed) run();
  else stream.once('close', run);
  return () => void stream.off('close', run);
}
