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

import { LoggableError } from '../../chat/shared/loggable-error';

export interface SseMessage {
  readonly id?: string | undefined;
  readonly event?: string | undefined;
  readonly data: string;
}

/** Thrown when a frame is longer than the limit, after the messages before it. The decoder is unusable then. */
export class FrameTooLongError extends LoggableError {
  constructor(message: string) {
    super('FRAME_TOO_LONG', message);
  }
}

export interface DecoderOptions {
  /** The maximum length of a frame's data, in UTF-16 code units. It limits the memory of an unfinished frame. */
  readonly maxFrameChars: number;
  /** For the operator: what to do about a frame over the limit. */
  readonly remedy?: string;
  /** Returns whether nobody needs the frame whose data starts like this. The decoder then drops it. */
  readonly isUnused?: (start: string) => boolean;
  /** Returns the data that replaces a frame over the limit. Undefined if the frame is needed whole. */
  readonly shorten?: (start: string) => string | undefined;
}

export interface SseDecoder {
  /**
   * Calls `onMessage` for each message that this chunk completes. The messages do not depend on how the bytes are cut
   * into chunks.
   * @throws FrameTooLongError after the messages before the frame are delivered.
   */
  feed(chunk: Uint8Array, onMessage: (message: SseMessage) => void): void;
  /**
   * Calls `onMessage` for a frame that the end of the stream has left without its empty line. The standard drops such a
   * frame, but some proxies cut the last bytes off. The frame can be incomplete.
   */
  end(onMessage: (message: SseMessage) => void): void;
}

/** The part of a line that `isUnused` and `shorten` get. It has the name of the event. */
const startChars = 128;

export function createSseDecoder({
  maxFrameChars,
  remedy = '',
  isUnused = () => false,
  shorten = () => undefined,
}: DecoderOptions): SseDecoder {
  // Collected, so that an error of `onMessage` does not leave the parser in the middle of a chunk.
  let messages: SseMessage[] = [];
  let tooLong = false;
  /** The start of the last line of an unfinished frame; empty between frames. */
  let lineStart = '';
  let isLineComplete = true;
  /** Whether the rest of the unfinished line is dropped. */
  let isSkipping = false;
  const parser = createParser({
    maxBufferSize: maxFrameChars,
    onEvent(message) {
      if (tooLong || isUnused(message.data)) return;
      // The parser limits only unfinished frames. So check a frame that is complete within the chunk here.
      if (message.data.length > maxFrameChars) replace(message.data);
      else messages.push(message);
    },
    onError(error) {
      if (error instanceof ParseError && error.type === 'max-buffer-size-exceeded') {
        if (!isUnused(dataOf(lineStart))) replace(lineStart);
        if (!tooLong) dropFrame();
      }
    },
  });
  const toText = createUtf8Decoder();
  const toLineFeeds = createLineEndNormalizer();

  return {
    feed(chunk, onMessage) {
      const rest = isSkipping ? fromLineEnd(chunk) : chunk;
      if (rest === undefined) return;
      isSkipping = false;
      read(toLineFeeds(toText(rest)));
      deliver(onMessage);
      if (tooLong) {
        throw new FrameTooLongError(
          `A frame is longer than ${maxFrameChars} characters. ${remedy}`.trimEnd(),
        );
      }
    },
    end(onMessage) {
      if (tooLong) return;
      read('\n\n');
      deliver(onMessage);
    },
  };

  function read(text: string): void {
    rememberLine(text);
    parser.feed(text);
    if (!tooLong && lineStart !== '' && isUnused(dataOf(lineStart))) dropFrame();
  }

  function rememberLine(text: string): void {
    if (text === '') return;
    const isComplete = text.endsWith('\n');
    // Nearly every chunk ends with a frame.
    if (text.endsWith('\n\n')) {
      lineStart = '';
    } else {
      const last = isComplete ? text.slice(0, -1) : text;
      const from = last.lastIndexOf('\n') + 1;
      const before = from === 0 && !isLineComplete ? lineStart : '';
      lineStart = `${before}${last.slice(from, from + startChars)}`.slice(0, startChars);
    }
    isLineComplete = isComplete;
  }

  function dropFrame(): void {
    parser.reset();
    isSkipping = !isLineComplete;
    lineStart = '';
  }

  function replace(start: string): void {
    const data = shorten(dataOf(start).slice(0, startChars));
    if (data === undefined) tooLong = true;
    else messages.push({ data });
  }

  function deliver(onMessage: (message: SseMessage) => void): void {
    const complete = messages;
    messages = [];
    for (const message of complete) onMessage(message);
  }
}

function dataOf(line: string): string {
  return line.replace(/^data: ?/u, '');
}

/** Returns the part of the chunk from its first line end; undefined if it has none. Reads bytes and no text. */
function fromLineEnd(chunk: Uint8Array): Uint8Array | undefined {
  const lf = chunk.indexOf(0x0a);
  const cr = (lf === -1 ? chunk : chunk.subarray(0, lf)).indexOf(0x0d);
  const end = cr === -1 ? lf : cr;
  return end === -1 ? undefined : chunk.subarray(end);
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
