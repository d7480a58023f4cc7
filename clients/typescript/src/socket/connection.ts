import type { Frame } from './events.ts';

/** The part of a WebSocket that the client uses. Browsers, Node 22 and the package `ws` have it. */
export interface WebSocketLike {
  send(text: string): void;
  close(code?: number): void;
  // The types of events differ between browsers and `ws`.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  addEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: any) => void): void;
}
export type WebSocketConstructor = new (url: string) => WebSocketLike;

export interface ConnectionOptions {
  readonly WebSocket: WebSocketConstructor;
  readonly url: string;
  readonly token: string | null;
  /** A connection that is silent for so long is given up. The client asks for a sign of life in between. */
  readonly silenceMs: number;
  readonly onFrame: (frame: Frame) => void;
  /** Called once. The code is 1006 if the connection failed or was given up. */
  readonly onClose: (code: number) => void;
}

/** One connection, without any retry. */
export interface Connection {
  send(frame: object): void;
  close(): void;
}

export function openConnection(options: ConnectionOptions): Connection {
  const { url, token, silenceMs, onFrame } = options;
  const socket = new options.WebSocket(url);
  let isOpen = false;
  let isOver = false;
  let lastFrameAt = Date.now();
  const send = (frame: object) => socket.send(JSON.stringify(frame));
  const end = (code: number) => {
    if (isOver) return;
    isOver = true;
    clearInterval(timer);
    options.onClose(code);
  };
  const giveUp = () => {
    end(1006);
    socket.close();
  };
  const timer = setInterval(() => {
    if (Date.now() - lastFrameAt > silenceMs) giveUp();
    else if (isOpen) send({ type: 'ping' });
  }, silenceMs / 3);

  socket.addEventListener('open', () => {
    isOpen = true;
    // After a login by a frame, the close code says why the server refuses. A refused upgrade would only say 1006.
    send({ type: 'auth', token: token ?? '' });
  });
  socket.addEventListener('message', ({ data }: { readonly data: unknown }) => {
    lastFrameAt = Date.now();
    if (!isOver) onFrame(JSON.parse(String(data)) as Frame);
  });
  socket.addEventListener('close', ({ code }: { readonly code: number }) => end(code));
  // A 'close' event follows.
  socket.addEventListener('error', () => undefined);

  return { send, close: () => socket.close(1000) };
}
