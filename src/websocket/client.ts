import { isUtf8 } from 'node:buffer';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { RawData, WebSocket } from 'ws';

import type { Outlet, SocketSettings } from '../chat';
import { closeCodes, closeSocket } from './close';
import { watchReader } from '../http/stalled-readers';
import { createOutlet } from './outlet';

/** One connected client of any user. */
export interface SocketClient {
  readonly outlet: Outlet;
  /** Fires when either side closes the connection. */
  readonly gone: AbortSignal;
  /** Sets the receiver of all later frames. */
  receiveWith(receiver: (frame: string) => void): void;
  /** Sends a ping. Drops the client if it has sent nothing since the last ping. */
  beat(): void;
  close(code: number, reason: string): void;
  /** Cuts the connection without a close frame. */
  terminate(): void;
}

export interface SocketClientOptions {
  readonly socket: WebSocket;
  /** The stream under the socket. */
  readonly stream: Duplex;
  readonly settings: Pick<SocketSettings, 'messagesPerSecond'>;
  readonly stalledAfterMs: number;
  /** Called with the reason when a limit ends the connection. */
  readonly onDropped: (reason: string) => void;
}

export function createSocketClient(options: SocketClientOptions): SocketClient {
  const { socket, stream, settings, stalledAfterMs, onDropped } = options;
  const gone = new AbortController();
  const isWithinRate = createRate(settings.messagesPerSecond);
  let isThere = true;
  let receive: (frame: string) => void = () => undefined;
  const outlet = createOutlet({
    socket,
    stream,
    onOverrun: () => {
      onDropped('a stalled reader was dropped. It has too many unread bytes');
      close(closeCodes.tryAgainLater, 'too far behind');
    },
  });
  // A stalled client gets no close frame, because it would not read that either.
  const stopWatching = watchReader(stream, stalledAfterMs, () => {
    onDropped('a stalled reader was dropped. It read nothing for CHAT_STALLED_READER_SECONDS');
    terminate();
  });

  // A frame is too large or malformed, or the connection broke. The library closes the connection.
  socket.on('error', (error) => {
    const reason = limitOf(error);
    if (reason !== undefined) onDropped(reason);
  });
  socket.once('close', () => {
    stopWatching();
    gone.abort();
  });
  socket.on('pong', () => (isThere = true));
  socket.on('ping', (data) => {
    if (take()) socket.pong(data);
  });
  socket.on('message', (data) => {
    if (!take()) return;
    receive(toText(data));
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

  /** Counts a frame. @returns whether the frame should be handled. */
  function take(): boolean {
    isThere = true;
    if (socket.readyState !== socket.OPEN) return false;
    if (isWithinRate()) return true;
    onDropped('a client was dropped. It sent more frames than CHAT_WS_MESSAGES_PER_SECOND');
    close(closeCodes.tooManyMessages, 'too many messages');
    return false;
  }

  function close(code: number, reason: string): void {
    closeSocket(socket, code, reason, terminate);
  }

  /** Resets the connection. A normal close would leave unread data in the kernel for minutes. */
  function terminate(): void {
    if (stream instanceof Socket) stream.resetAndDestroy();
    else socket.terminate();
  }
}

/** Returns which limit an error of a connection names; undefined if it names none, e.g. because the client left. */
function limitOf(error: NodeJS.ErrnoException): string | undefined {
  if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
    return 'a client was dropped. It sent a frame larger than CHAT_WS_MAX_MESSAGE_BYTES';
  }
  const isOfSystem = /^(ENOBUFS|ENOMEM|EMFILE|ENFILE)$/u.test(error.code ?? '');
  return isOfSystem ? `a connection broke. The system lacks resources (${String(error.code)})` : undefined;
}

/** Some clients send text in binary frames. Bytes that are not UTF-8 become an empty text, which gets a JSON error. */
function toText(data: RawData): string {
  const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
  return isUtf8(bytes) ? bytes.toString('utf8') : '';
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
