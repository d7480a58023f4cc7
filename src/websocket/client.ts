import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { RawData, WebSocket } from 'ws';

import type { Outlet, SocketSettings } from '../chat';
import { closeCodes, closeSocket } from './close';
import { watchReader } from '../http/stalled-readers';
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

export interface SocketClientOptions {
  readonly socket: WebSocket;
  /** What it is made of. */
  readonly stream: Duplex;
  readonly settings: Pick<SocketSettings, 'messagesPerSecond'>;
  readonly stalledAfterMs: number;
  /** It has taken nothing for `stalledAfterMs`, or fallen too far behind, and is dropped. */
  readonly onStalled: () => void;
}

export function createSocketClient(options: SocketClientOptions): SocketClient {
  const { socket, stream, settings, stalledAfterMs, onStalled } = options;
  const gone = new AbortController();
  const isWithinRate = createRate(settings.messagesPerSecond);
  let isThere = true;
  let receive: (frame: string) => void = () => undefined;
  const outlet = createOutlet({
    socket,
    stream,
    onOverrun: () => {
      onStalled();
      close(closeCodes.tryAgainLater, 'too far behind');
    },
  });
  // Nothing is said of it: who reads nothing does not read that, either.
  const stopWatching = watchReader(stream, stalledAfterMs, () => {
    onStalled();
    terminate();
  });

  // A frame that is too large or malformed, or a reset: the library closes the connection.
  socket.on('error', () => undefined);
  socket.once('close', () => {
    stopWatching();
    gone.abort();
  });
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
        terminate();
        return;
      }
      isThere = false;
      if (socket.readyState === socket.OPEN) socket.ping();
    },
    close,
    terminate,
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
    closeSocket(socket, code, reason, terminate);
  }

  /** A reset, not an orderly end: that would leave what is unread with the kernel for minutes. */
  function terminate(): void {
    if (stream instanceof Socket) stream.resetAndDestroy();
    else socket.terminate();
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
