import { once } from 'node:events';

import { WebSocket, type ClientOptions } from 'ws';

import { assertCleanReply } from './canaries';

export interface SocketFrame {
  readonly event: string;
  readonly seq?: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each test checks the shape that it expects
  readonly [field: string]: any;
}

/** The close code and the reason of a connection. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** A device with a WebSocket on one session. It checks every frame for canaries. */
export interface Device {
  readonly socket: WebSocket;
  /** All frames so far. */
  readonly frames: readonly SocketFrame[];
  readonly closed: Promise<Closing>;
  send(frame: unknown): void;
  /** Settles with the first past or future frame that fits. Rejects if the connection or the time ends before. */
  until(fits: (frame: SocketFrame) => boolean, timeoutMs?: number): Promise<SocketFrame>;
  /** Ends the connection without a close frame, like a phone in a tunnel. */
  drop(): void;
  leave(): Promise<Closing>;
}

export interface Handshake extends ClientOptions {
  readonly token?: string | undefined;
  readonly protocols?: readonly string[];
}

/** Connects a device. @throws RefusedError if the server refuses the upgrade. */
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

/** The server has refused the upgrade with an HTTP reply. */
export class RefusedError extends Error {
  constructor(
    readonly status: number,
    readonly body: string,
    readonly headers: Readonly<Record<string, unknown>>,
  ) {
    super(`The upgrade was refused with ${status}: ${body}`);
  }

  get code(): unknown {
    const parsed = JSON.parse(this.body) as { error: { code: unknown } };
    return parsed.error.code;
  }
}

/** Returns the refusal of an upgrade. @throws Error if the server accepts the upgrade. */
export async function refusalOf(connecting: Promise<Device>): Promise<RefusedError> {
  const error: unknown = await connecting.then(
    () => new Error('The upgrade was not refused.'),
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
        // Each frame is checked once, because some tests receive thousands.
        let checked = 0;
        const check = () => {
          const frame = frames.slice(checked).find(fits);
          checked = frames.length;
          if (frame === undefined) return;
          clearTimeout(timer);
          checks.delete(check);
          resolve(frame);
        };
        const timer = setTimeout(() => {
          reject(new Error(`No such frame came. The last frames: ${JSON.stringify(frames).slice(-2_000)}`));
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

/** Returns only the frames of one turn. */
export function turnFrames(frames: readonly SocketFrame[], turnId: string): SocketFrame[] {
  return frames.filter(({ seq, turn_id }) => seq !== undefined && turn_id === turnId);
}
