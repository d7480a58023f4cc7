import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { bodyJson, type Profile } from './frames';

/** A complete HTTP response. `json` is written in the style of the profile, `body` unchanged. */
export type HttpAnswer = {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly json?: unknown;
  readonly body?: string | Buffer;
};

/** Cuts the bytes of a stream into HTTP chunks. `flush` returns the bytes that `push` has kept. */
export interface Cutter {
  push(bytes: Buffer): readonly Buffer[];
  flush(): readonly Buffer[];
}

/** Writes the bytes of one streaming response, and can break it. It knows no events. */
export interface Wire {
  /** Resolves after either side has ended the response. */
  readonly closed: Promise<void>;
  readonly isClosed: () => boolean;
  /** Sends the headers immediately. Without this call they are sent with the first bytes, as gunicorn does. */
  open(headers?: OutgoingHttpHeaders, status?: number): void;
  cutWith(cutter: Cutter): void;
  /** Resolves after the kernel has accepted the bytes, so that a slow client slows the writer. */
  write(bytes: Buffer): Promise<void>;
  answer(answer: HttpAnswer): Promise<void>;
  /** Ends the response properly. */
  end(): Promise<void>;
  /** Closes the socket (FIN) without the last HTTP chunk. */
  hangUp(): Promise<void>;
  /** Resets the connection (RST). */
  reset(): Promise<void>;
}

export function createWire(res: ServerResponse, profile: Profile): Wire {
  const closed = new Promise<void>((resolve) => res.once('close', resolve));
  const { socket } = res;
  let cutter: Cutter = { push: (bytes) => [bytes], flush: () => [] };
  let last: Promise<void> = Promise.resolve();

  // The reply, the ping timer and a stop may write at the same time. One runs at a time, so that frames do not mix.
  const inTurn = (job: () => Promise<void>): Promise<void> => (last = last.then(job));
  const isClosed = (): boolean => res.destroyed || res.writableEnded;
  const open = (headers?: OutgoingHttpHeaders, status = 200): void => {
    if (isClosed() || res.headersSent) return;
    const all = { 'Content-Type': 'text/event-stream; charset=utf-8', ...headers };
    res.writeHead(status, Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));
  };
  const send = async (chunks: readonly Buffer[]): Promise<void> => {
    for (const chunk of chunks) {
      if (isClosed()) return;
      open();
      await Promise.race([closed, new Promise<void>((written) => res.write(chunk, () => written()))]);
    }
  };
  const flush = (): Promise<void> => send(cutter.flush());

  return {
    closed,
    isClosed,
    open: (headers, status) => {
      open(headers, status);
      if (!isClosed()) res.flushHeaders();
    },
    cutWith: (next) => void (cutter = next),
    write: (bytes) => inTurn(() => send(cutter.push(bytes))),
    answer: (answer) => inTurn(() => sendAnswer(res, answer, profile)),
    end: () => inTurn(() => flush().then(() => endResponse(res, open))),
    hangUp: () => inTurn(() => flush().then(() => void socket?.destroySoon())),
    reset: () => inTurn(() => flush().then(() => void socket?.resetAndDestroy())),
  };
}

export async function sendAnswer(res: ServerResponse, answer: HttpAnswer, profile: Profile): Promise<void> {
  if (res.headersSent || res.destroyed) return;
  const isJson = answer.json !== undefined;
  const body = isJson ? `${bodyJson(answer.json, profile)}\n` : (answer.body ?? '');
  res.writeHead(answer.status, {
    ...(isJson && { 'Content-Type': 'application/json' }),
    ...(answer.status !== 204 && { 'Content-Length': Buffer.byteLength(body) }),
    ...answer.headers,
  });
  await endResponse(res, () => undefined, body);
}

async function endResponse(res: ServerResponse, open: () => void, body?: string | Buffer): Promise<void> {
  if (res.destroyed || res.writableEnded) return;
  open();
  const closed = new Promise<void>((resolve) => res.once('close', resolve));
  res.end(body);
  await closed;
}
