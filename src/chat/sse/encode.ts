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

/** A comment: keeps the connection and the proxies on it alive, and is no event to any client. */
export const heartbeatFrame = ': \n\n';
