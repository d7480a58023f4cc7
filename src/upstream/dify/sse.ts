/**
 * Decodes server-sent events. https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 *
 *     data: {"event":"message","answer":"Hel"}
 *
 *     event: ping
 *
 * A frame is the lines up to an empty line. The second frame has no data, so `onMessage` is not called for it.
 */
import { StringDecoder } from 'node:string_decoder';

import { createParser, ParseError } from 'eventsource-parser';

export interface SseMessage {
  readonly id?: string | undefined;
  readonly event?: string | undefined;
  readonly data: string;
}

/** Thrown when a frame is longer than the limit, after the messages before it. The decoder is unusable then. */
export class FrameTooLongError extends Error {}

export interface DecoderOptions {
  /** The maximum length of a frame's data, in UTF-16 code units. It limits the memory of an unfinished frame. */
  readonly maxFrameChars: number;
}

export interface SseDecoder {
  /**
   * Calls `onMessage` for each message that this chunk completes. The messages do not depend on how the bytes are cut
   * into chunks. An unfinished frame is never delivered, as the standard says.
   * @throws FrameTooLongError after the messages before the frame are delivered.
   */
  feed(chunk: Uint8Array, onMessage: (message: SseMessage) => void): void;
}

export function createSseDecoder({ maxFrameChars }: DecoderOptions): SseDecoder {
  // Collected, so that an error of `onMessage` does not leave the parser in the middle of a chunk.
  let messages: SseMessage[] = [];
  let tooLong = false;
  const parser = createParser({
    maxBufferSize: maxFrameChars,
    onEvent(message) {
      // The parser limits only unfinished frames. So check a frame that is complete within the chunk here.
      if (message.data.length > maxFrameChars) tooLong = true;
      if (!tooLong) messages.push(message);
    },
    onError(error) {
      if (error instanceof ParseError && error.type === 'max-buffer-size-exceeded') tooLong = true;
    },
  });
  const toText = createUtf8Decoder();
  const toLineFeeds = createLineEndNormalizer();

  return {
    feed(chunk, onMessage) {
      parser.feed(toLineFeeds(toText(chunk)));
      const complete = messages;
      messages = [];
      for (const message of complete) onMessage(message);
      if (tooLong) throw new FrameTooLongError(`A frame is longer than ${maxFrameChars} characters.`);
    },
  };
}

/** Returns a function that decodes UTF-8, strips the BOM, and joins a character that is split between chunks. */
function createUtf8Decoder(): (chunk: Uint8Array) => string {
  const decoder = new StringDecoder('utf8');
  let isBeginning = true;
  return (chunk) => {
    const text = decoder.write(chunk);
    if (!isBeginning || text === '') return text;
    isBeginning = false;
    return text.startsWith('\uFEFF') ? text.slice(1) : text;
  };
}

/**
 * Returns a function that makes every line end an LF. After a CR at the end of a chunk, the parser waits for a possible
 * LF, which delays the message. So this function writes an LF immediately, and skips an LF that begins the next chunk.
 */
function createLineEndNormalizer(): (text: string) => string {
  let endedWithCr = false;
  return (text) => {
    const rest = endedWithCr && text.startsWith('\n') ? text.slice(1) : text;
    if (text !== '') endedWithCr = text.endsWith('\r');
    return rest.includes('\r') ? rest.replaceAll(/\r\n?/gu, '\n') : rest;
  };
}
