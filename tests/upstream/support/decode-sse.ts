import { createSseDecoder, type DecoderOptions, type SseMessage } from '../../../src/upstream/http/sse';

/** Decodes a stream. Yields one batch for each chunk that completes messages. */
export async function* decodeSse(
  chunks: AsyncIterable<Uint8Array>,
  options: DecoderOptions,
): AsyncGenerator<readonly SseMessage[], void> {
  const decoder = createSseDecoder(options);
  for await (const chunk of chunks) {
    const batch: SseMessage[] = [];
    try {
      decoder.feed(chunk, (message) => batch.push(message));
    } finally {
      if (batch.length > 0) yield batch;
    }
  }
}
