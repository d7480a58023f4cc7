/**
 * Decodes server-sent events. https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 *
 *     data: {"event":"message","answer":"Hel"}
 *
 *     event: ping
 *
 * The second block has no data, so it is not a message in the standard.
 */
import { StringDecoder } from 'node:string_decoder';

import { createParser, ParseError } from 'eventsource-parser';

export interface SseMessage {
  readonly id?: string | undefined;
  readonly event?: string | undefined;
  readonly data: string;
}

/** A frame is longer than the limit. The messages before it were delivered. */
export class FrameTooLongError extends Error {}

export interface DecoderOptions {
  /** The maximum length of one frame, in UTF-16 code units. It limits the memory of an unfinished frame. */
  readonly maxFrameChars: number;
}

export interface SseDecoder {
  /**
   * Calls `onMessage` for each message that this chunk completes. The messages do not depend on how the bytes are cut
   * into chunks. An unfinished frame at the end is dropped, as the standard says.
   * @throws FrameTooLongError after it has delivered the messages before it.
   */
  feed(chunk: Uint8Array, onMessage: (message: SseMessage) => void): void;
}

export function createSseDecoder({ maxFrameChars }: DecoderOptions): SseDecoder {
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
  const toText = createText();
  const toLineFeeds = createLineEnds();

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

/**
 * Returns a function that decodes UTF-8. It strips the BOM, and keeps the bytes of a cut character until the rest
 * arrives. `TextDecoder` does the same, but a chunk costs twice as much.
 */
function createText(): (chunk: Uint8Array) => string {
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
 * Returns a function that makes every line end an LF. The parser would wait for more after a final CR, because it could
 * be half of a CRLF. But the line has ended in both cases, and more may never come.
 */
function createLineEnds(): (text: string) => string {
  let endedWithCr = false;
  return (text) => {
    const rest = endedWithCr && text.startsWith('\n') ? text.slice(1) : text;
    if (text !== '') endedWithCr = text.endsWith('\r');
    return rest.includes('\r') ? rest.replaceAll(/\r\n?/gu, '\n') : rest;
  };
}
