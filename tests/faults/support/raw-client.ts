import { connect } from 'node:net';

import { assertCleanReply } from '../../support/canaries';

/** One complete frame of an event stream. */
export interface RawFrame {
  readonly id: number;
  /** The bytes of the frame as text, with the empty line at its end. */
  readonly text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each test knows the fields of its events
  readonly data: any;
}

export interface RawRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Destroys the connection after this number of bytes of the response body. Later bytes are ignored. */
  readonly cutAfterBytes?: number;
  /** Never reads from the socket. */
  readonly neverReads?: boolean;
  /** Receives each complete frame when it arrives. */
  readonly onFrame?: (frame: RawFrame, connection: RawConnection) => void;
}

/** One request on its own connection, recorded byte by byte. */
export interface RawConnection {
  /** The local port, which identifies the socket on the server. */
  localPort(): number;
  /** Resolves with the status, or with null when the connection ends before it. */
  readonly head: Promise<number | null>;
  /** Resolves after either side has ended the connection. Never rejects. */
  readonly over: Promise<void>;
  status(): number | null;
  headers(): ReadonlyMap<string, string>;
  /** Returns the body without the chunk framing. */
  body(): Buffer;
  /** Returns the complete frames of an event stream so far, without comments. */
  frames(): readonly RawFrame[];
  /** Returns whether the response ended properly. */
  isWhole(): boolean;
  /** Closes the connection, as a closed tab does. */
  destroy(): void;
}

/** Opens the connection. Resolves after the kernel has accepted the bytes of the request. */
export async function openRaw(url: string, request: RawRequest): Promise<RawConnection> {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.setNoDelay(true);
  const response = createResponse(request.cutAfterBytes ?? Infinity);
  const frames = createFrames();
  let settleHead: (status: number | null) => void = () => undefined;
  const head = new Promise<number | null>((resolve) => (settleHead = resolve));
  const over = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  void over.then(() => settleHead(response.status()));
  socket.on('error', () => undefined);

  let localPort = 0;
  const written = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.once('connect', () => {
      localPort = socket.localPort ?? 0;
      socket.write(encodeRequest(request, host), () => resolve());
    });
  });
  const connection: RawConnection = {
    localPort: () => localPort,
    head,
    over,
    status: response.status,
    headers: response.headers,
    body: response.body,
    frames: frames.all,
    isWhole: response.isWhole,
    destroy: () => void socket.destroy(),
  };
  socket.on('data', (bytes) => {
    const body = response.take(bytes);
    if (response.status() !== null) settleHead(response.status());
    for (const frame of frames.take(body)) request.onFrame?.(frame, connection);
    if (response.isCut() || response.isWhole()) socket.destroy();
  });
  if (request.neverReads === true) socket.pause();
  await written;
  return connection;
}

function encodeRequest({ method, path, headers = {}, body }: RawRequest, host: string): string {
  const content = body === undefined ? '' : JSON.stringify(body);
  const lines = Object.entries({
    Host: host,
    Connection: 'close',
    ...(body !== undefined && {
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(content)),
    }),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${content}`;
}

/** Parses an HTTP/1.1 response piece by piece. */
function createResponse(cutAfterBytes: number) {
  let pending = Buffer.alloc(0);
  let status: number | null = null;
  let headers = new Map<string, string>();
  const parts: Buffer[] = [];
  let bodyBytes = 0;
  /** Remaining bytes of the current chunk, or of the body when it is not chunked. */
  let left = 0;
  let isWhole = false;

  function takeHead(): void {
    const end = pending.indexOf('\r\n\r\n');
    if (end === -1) return;
    const [first = '', ...lines] = pending.subarray(0, end).toString('latin1').split('\r\n');
    status = Number(first.split(' ')[1]);
    headers = new Map(lines.map((line) => splitOnce(line.toLowerCase(), ': ')));
    pending = pending.subarray(end + 4);
    left = Number(headers.get('content-length') ?? 0);
  }

  /** @returns the next part of the body, or null when more bytes are needed. */
  function takePart(): Buffer | null {
    const isChunked = headers.get('transfer-encoding') === 'chunked';
    if (left === 0 && isChunked) {
      const end = pending.indexOf('\r\n');
      if (end === -1) return null;
      left = parseInt(pending.subarray(0, end).toString('latin1'), 16) + 2;
      isWhole = left === 2;
      pending = pending.subarray(end + 2);
    }
    if (isWhole || pending.length === 0) return null;
    const part = pending.subarray(0, Math.min(left, pending.length));
    pending = pending.subarray(part.length);
    // A chunk ends with CRLF, which is not part of the body.
    const tail = isChunked ? Math.max(0, Math.min(part.length, part.length - (left - 2))) : 0;
    left -= part.length;
    if (!isChunked && left === 0) isWhole = true;
    return part.subarray(0, part.length - tail);
  }

  return {
    status: () => status,
    headers: (): ReadonlyMap<string, string> => headers,
    body: () => Buffer.concat(parts),
    isWhole: () => isWhole,
    isCut: () => bodyBytes >= cutAfterBytes,
    /** @returns the new bytes of the body, up to the cut. */
    take(bytes: Buffer): Buffer {
      const added: Buffer[] = [];
      pending = Buffer.concat([pending, bytes]);
      if (status === null) takeHead();
      if (status === null) return Buffer.alloc(0);
      if (headers.get('transfer-encoding') !== 'chunked' && left === 0) isWhole = true;
      for (let part = takePart(); part !== null && bodyBytes < cutAfterBytes; part = takePart()) {
        const kept = part.subarray(0, cutAfterBytes - bodyBytes);
        bodyBytes += kept.length;
        parts.push(kept);
        added.push(kept);
      }
      return Buffer.concat(added);
    },
  };
}

function createFrames() {
  const frames: RawFrame[] = [];
  let pending = Buffer.alloc(0);
  return {
    all: (): readonly RawFrame[] => frames,
    take(bytes: Buffer): readonly RawFrame[] {
      const before = frames.length;
      pending = Buffer.concat([pending, bytes]);
      for (let end = pending.indexOf('\n\n'); end !== -1; end = pending.indexOf('\n\n')) {
        const text = pending.subarray(0, end + 2).toString('utf8');
        pending = pending.subarray(end + 2);
        const match = /^id: (\d+)\ndata: ([^\n]*)\n\n$/u.exec(text);
        // Any other frame is a comment.
        if (match === null) continue;
        assertCleanReply(text, 'an event stream');
        frames.push({ id: Number(match[1]), text, data: JSON.parse(match[2] ?? '') });
      }
      return frames.slice(before);
    },
  };
}

function splitOnce(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator);
  return [text.slice(0, index), text.slice(index + separator.length)];
}
