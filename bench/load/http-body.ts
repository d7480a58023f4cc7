/** Decodes the body of one HTTP response from the pieces of a socket. */
export interface HttpBody {
  /** @returns the new part of the body as latin1. @throws Error for a status that is not 200. */
  take(piece: string): string;
  /** Returns whether the response marked the end of its body. A body without length ends with the connection. */
  isOver(): boolean;
}

export function createHttpBody(): HttpBody {
  let head: string | null = '';
  let isOver = false;
  const onEnd = () => {
    isOver = true;
  };
  let decode: (piece: string) => string = (piece) => piece;
  return {
    take(piece) {
      if (head === null) return decode(piece);
      head += piece;
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return '';
      const headers = head.slice(0, end);
      const rest = head.slice(end + 4);
      head = null;
      if (!/^HTTP\/1\.[01] 200 /u.test(headers)) throw new Error(`${headers.split('\r\n')[0]}: ${rest}`);
      const length = /^content-length: *(\d+)/imu.exec(headers)?.[1];
      if (/^transfer-encoding: *chunked/imu.test(headers)) decode = createDechunker(onEnd);
      else if (length !== undefined) decode = createCounter(Number(length), onEnd);
      return decode(rest);
    },
    isOver: () => isOver,
  };
}

function createCounter(length: number, onEnd: () => void): (piece: string) => string {
  let missing = length;
  return (piece) => {
    missing -= piece.length;
    if (missing <= 0) onEnd();
    return piece;
  };
}

/** Decodes `Transfer-Encoding: chunked`. Pieces may split a size line. Trailers are not supported. */
function createDechunker(onEnd: () => void): (piece: string) => string {
  let pending = '';
  /** Missing characters of the current chunk, including its line end. 0 when a size line is next. */
  let missing = 0;
  return (piece) => {
    pending += piece;
    let body = '';
    for (;;) {
      if (missing > 0) {
        const part = pending.slice(0, missing);
        body += part.slice(0, Math.max(0, missing - 2));
        missing -= part.length;
        pending = pending.slice(part.length);
        if (missing > 0) return body;
      }
      const lineEnd = pending.indexOf('\r\n');
      if (lineEnd === -1) return body;
      const size = Number.parseInt(pending, 16);
      if (size === 0) {
        onEnd();
        return body;
      }
      pending = pending.slice(lineEnd + 2);
      missing = size + 2;
    }
  };
}
