import type { RawData, WebSocket } from 'ws';

import type { Outlet, SocketSettings } from '../chat';
import { closeCodes, closeSocket } from './close';
import { createOutlet } from './outlet';

/** One connected client, whoever it is of. */
export interface SocketClient {
  readonly outlet: Outlet;
  /** Fires when the connection is closed, by whichever side. */
  readonly gone: AbortSignal;
  /** Who takes its frames from now on. */
  receiveWith(receiver: (frame: string) => void): void;
  /** Asks whether it is there, and drops it if it has said nothing since it was asked last. */
  beat(): void;
  close(code: number, reason: string): void;
  /** Without a goodbye. */
  terminate(): void;
}

export function createSocketClient(socket: WebSocket, settings: SocketSettings): SocketClient {
  const gone = new AbortController();
  const isWithinRate = createRate(settings.messagesPerSecond);
  let isThere = true;
  let receive: (frame: string) => void = () => undefined;
  const { stalledAfterMs } = settings;
  const outlet = createOutlet(socket, {
    stalledAfterMs,
    onStalled: () => close(closeCodes.tryAgainLater, 'stalled'),
  });

  // A frame that is too large or malformed, or a reset: the library closes the connection.
  socket.on('error', () => undefined);
  socket.once('close', () => gone.abort());
  socket.on('pong', () => (isThere = true));
  socket.on('ping', (data) => {
    if (take()) socket.pong(data);
  });
  socket.on('message', (data, isBinary) => {
    if (!take()) return;
    // Binary frames mean nothing here; an empty one is no JSON, and is told so.
    receive(isBinary ? '' : toText(data));
  });

  return {
    outlet,
    gone: gone.signal,
    receiveWith(receiver) {
      receive = receiver;
    },
    beat() {
      if (!isThere) {
        socket.terminate();
        return;
      }
      isThere = false;
      if (socket.readyState === socket.OPEN) socket.ping();
    },
    close,
    terminate: () => socket.terminate(),
  };

  /** @returns whether a frame that has come is to be looked at. */
  function take(): boolean {
    isThere = true;
    if (socket.readyState !== socket.OPEN) return false;
    if (isWithinRate()) return true;
    close(closeCodes.tooManyMessages, 'too many messages');
    return false;
  }

  function close(code: number, reason: string): void {
    closeSocket(socket, code, reason);
  }
}

function toText(data: RawData): string {
  return (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer)).toString('utf8');
}

function createRate(perSecond: number): () => boolean {
  let second = 0;
  let count = 0;
  return () => {
    const now = Math.floor(performance.now() / 1000);
    count = now === second ? count + 1 : 1;
    second = now;
    return count <= perSecond;
  };
}
