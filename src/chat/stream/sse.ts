/** Encodes server-sent events. */

export interface Frame {
  /** A client that resumes sends this back as `Last-Event-ID`. Null in a dialect without ids. */
  readonly id: number | null;
  /** One line of JSON. JSON escapes every line break, so no text can end a frame or start another. */
  readonly data: string;
}

/** A frame of a log, in which every frame has its number. */
export interface NumberedFrame extends Frame {
  readonly id: number;
}

export function encodeFrame({ id, data }: Frame): string {
  return `${encodeId(id)}data: ${data}\n\n`;
}

function encodeId(id: Frame['id']): string {
  return id === null ? '' : `id: ${id}\n`;
}

/** Encodes an event without an id. The `Last-Event-ID` of the client stays that of the previous frame. */
export function encodeUnnumbered(data: string): string {
  return `data: ${data}\n\n`;
}

/** Yields text in pieces of about `maxChars`, so that none delays others. It cuts a long frame and never copies it. */
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
  yield `${encodeId(id)}data: `;
  for (let start = 0; start < data.length;) {
    const end = Math.min(start + maxChars, data.length);
    // Each piece becomes UTF-8 separately, so both halves of a surrogate pair go into one piece.
    const isWithinPair = end < data.length && (data.codePointAt(end - 1) ?? 0) > 0xffff;
    const cut = isWithinPair ? end + 1 : end;
    yield data.slice(start, cut);
    start = cut;
  }
  yield '\n\n';
}

/** A comment. It keeps the connection through all proxies open, and clients ignore it. */
export const heartbeatFrame = ': \n\n';
