import { once } from 'node:events';

import { WebSocket, type ClientOptions } from 'ws';

import { assertCleanReply } from './canaries';

export interface SocketFrame {
  readonly event: string;
  readonly seq?: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what a client sees is what each test says it is
  readonly [field: string]: any;
}

/** How a connection ended. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** A device: a WebSocket on one session. Every frame is searched for what must not be in one. */
export interface Device {
  readonly socket: WebSocket;
  /** All that has come so far. */
  readonly frames: readonly SocketFrame[];
  readonly closed: Promise<Closing>;
  send(frame: unknown): void;
  /** The first frame, of those that have come or are to come, that fits. Rejects if the connection ends before. */
  until(fits: (frame: SocketFrame) => boolean, timeoutMs?: number): Promise<SocketFrame>;
  /** Without a goodbye, as a phone in a tunnel. */
  drop(): void;
  leave(): Promise<Closing>;
}

export interface Handshake extends ClientOptions {
  readonly token?: string | undefined;
  readonly protocols?: readonly string[];
}

/** Begins to connect. `opened` settles with the device, or rejects with a `RefusedError`. */
export async function connect(
  url: string,
  path: string,
  { token, protocols = [], ...options }: Handshake = {},
): Promise<Device> {
  const headers = {
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    ...options.headers,
  };
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`, [...protocols], {
    ...options,
    headers,
  });
  const device = toDevice(socket);
  const refused = once(socket, 'unexpected-response').then(([, response]) => readRefusal(response));
  const opened = once(socket, 'open').then(() => undefined);
  opened.catch(() => undefined);
  refused.catch(() => undefined);
  const refusal = await Promise.race([opened, refused]);
  if (refusal !== undefined) throw new RefusedError(refusal.status, refusal.body, refusal.headers);
  return device;
}

/** The upgrade was answered as HTTP answers. */
export class RefusedError extends Error {
  constructor(
    readonly status: number,
    readonly body: string,
    readonly headers: Readonly<Record<string, unknown>>,
  ) {
    super(`The upgrade was refused with ${status}: ${body}`);
  }

  get code(): unknown {
    const parsed = JSON.parse(this.body) as { error: { details: { code: unknown } } };
    return parsed.error.details.code;
  }
}

/** @returns why an upgrade is refused. */
export async function refusalOf(connecting: Promise<Device>): Promise<RefusedError> {
  const error: unknown = await connecting.then(
    () => new Error('It was not refused.'),
    (reason: unknown) => reason,
  );
  if (error instanceof RefusedError) return error;
  throw error;
}

interface Response extends AsyncIterable<Buffer> {
  readonly statusCode?: number;
  readonly headers: Readonly<Record<string, unknown>>;
}

async function readRefusal(response: unknown) {
  const { statusCode = 0, headers } = response as Response;
  const chunks: Buffer[] = [];
  for await (const chunk of response as Response) chunks.push(chunk);
  return { status: statusCode, body: Buffer.concat(chunks).toString(), headers };
}

function toDevice(socket: WebSocket): Device {
  const frames: SocketFrame[] = [];
  const checks = new Set<() => void>();
  socket.on('error', () => undefined);
  socket.on('message', (data: Buffer) => {
    const text = data.toString();
    assertCleanReply(text, 'a WebSocket');
    frames.push(JSON.parse(text) as SocketFrame);
    for (const check of checks) check();
  });
  const closed = new Promise<Closing>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  return {
    socket,
    frames,
    closed,
    send: (frame) => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    until: (fits, timeoutMs = 20_000) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const frame = frames.find(fits);
          if (frame === undefined) return;
          clearTimeout(timer);
          checks.delete(check);
          resolve(frame);
        };
        const timer = setTimeout(() => {
          reject(new Error(`No such frame came, but: ${JSON.stringify(frames).slice(-2_000)}`));
        }, timeoutMs);
        checks.add(check);
        check();
        void closed.then(({ code, reason }) => {
          clearTimeout(timer);
          reject(new Error(`The connection ended: ${code} ${reason}`));
        });
      }),
    drop: () => socket.terminate(),
    leave() {
      socket.close();
      return closed;
    },
  };
}

/** The frames of one turn, and of nothing else. */
export function turnFrames(frames: readonly SocketFrame[], turnId: string): SocketFrame[] {
  return frames.filter(({ seq, turn_id }) => seq !== undefined && turn_id === turnId);
}
