/** Server-sent events, writing side. */

export interface Frame {
  /** Comes back as `Last-Event-ID` from a client that resumes. */
  readonly id: number;
  /** One line of JSON: JSON escapes every line break, so no text can end a frame or begin another. */
  readonly data: string;
}

export function encodeFrame({ id, data }: Frame): string {
  return `id: ${id}\ndata: ${data}\n\n`;
}

/** An event without a number: `Last-Event-ID` of the client stays that of the frame before. */
export function encodeUnnumbered(data: string): string {
  return `data: ${data}\n\n`;
}

/** Text in pieces of about `maxChars`: no piece holds up another, and a long frame is cut and never copied as a whole. */
export function* encodeFrames(frames: readonly Frame[], maxChars: number): Generator<string, void> {
  let piece = '';
  for (const frame of frames) {
    if (piece.length + frame.data.length > maxChars && piece !== '') {
      yield piece;
      piece = '';
    }
    if (frame.data.length > maxChars) yield* encodeLongFrame(frame, maxChars);
    else piece += encodeFrame(frame);
  }
  if (piece !== '') yield piece;
}

function* encodeLongFrame({ id, data }: Frame, maxChars: number): Generator<string, void> {
  yield `id: ${id}\ndata: `;
  for (let start = 0; start < data.length;) {
    const end = Math.min(start + maxChars, data.length);
    // Each piece becomes UTF-8 by itself: both halves of a surrogate pair go into one.
    const isWithinPair = end < data.length && (data.codePointAt(end - 1) ?? 0) > 0xffff;
    const cut = isWithinPair ? end + 1 : end;
    yield data.slice(start, cut);
    start = cut;
  }
  yield '\n\n';
}

/** A comment: keeps the connection and the proxies on it alive, and is no event to any client. */
export const heartbeatFrame = ': \n\n';
