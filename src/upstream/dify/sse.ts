/**
 * Server-sent events, reading side. https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 *
 *     data: {"event":"message","answer":"Hel"}
 *
 *     event: ping
 *
 * The second block has no data, so by the standard it is no message at all.
 */
import { StringDecoder } from 'node:string_decoder';

import { createParser, ParseError } from 'eventsource-parser';

export interface SseMessage {
  readonly id?: string | undefined;
  readonly event?: string | undefined;
  readonly data: string;
}

/** A frame grew beyond the bound before it was complete. What came before it was delivered. */
export class FrameTooLongError extends Error {}

export interface DecoderOptions {
  /** Bounds the memory one unfinished frame can take, in UTF-16 code units. */
  readonly maxFrameChars: number;
}

export interface SseDecoder {
  /**
   * Calls `onMessage` for each message that this chunk completes. However the bytes are cut, the messages are the same. A
   * frame left unfinished at the end is dropped, as the standard says.
   * @throws FrameTooLongError once the messages before it are told.
   */
  feed(chunk: Uint8Array, onMessage: (message: SseMessage) => void): void;
}

export function createSseDecoder({ maxFrameChars }: DecoderOptions): SseDecoder {
  let messages: SseMessage[] = [];
  let tooLong = false;
  const parser = createParser({
    maxBufferSize: maxFrameChars,
    onEvent(message) {
      // The parser bounds what is unfinished: one that comes to its end within the same chunk would slip through.
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
 * Strips the BOM, and keeps the bytes of a character cut in two until the rest arrives. As `TextDecoder` does, for half
 * of what a chunk costs there.
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
 * Makes every line end an LF. The parser, given a CR as the last character, would wait for what follows: it could be
 * half of a CRLF. But the line has ended either way, and what follows may never come.
 */
function createLineEnds(): (text: string) => string {
  let endedWithCr = false;
  return (text) => {
    const rest = endedWithCr && text.startsWith('\n') ? text.slice(1) : text;
    if (text !== '') endedWithCr = text.endsWith('\r');
    return rest.includes('\r') ? rest.replaceAll(/\r\n?/gu, '\n') : rest;
  };
}
