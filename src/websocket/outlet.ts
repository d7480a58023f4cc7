import type { Duplex } from 'node:stream';

import type { WebSocket } from 'ws';

import { createCondition, createYield, type Outlet } from '../chat';

/** How many bytes may wait in this process for one client. One more frame can exceed this limit. */
const maxWaitingBytes = 64 * 1024;
/** The limit for frames that are sent without waiting for room. Above it, the outlet sends nothing. */
const maxOverrunBytes = 16 * maxWaitingBytes;

/** Room for at most 32 clients, hence some two megabytes, is announced in one iteration of the event loop. */
const nextSlice = createYield(32);

export interface OutletOptions {
  readonly socket: WebSocket;
  /** The stream under the socket. */
  readonly stream: Duplex;
  /**
   * Called for a frame that is not sent, because the client already has too many unread bytes.
   * The caller must then close the connection.
   */
  readonly onOverrun: () => void;
}

/** Callers that wait for room. `resuming`: room exists, and they are told in the next iteration of the event loop. */
type Waiters = 'none' | 'waiting' | 'resuming';

/**
 * Creates an outlet that writes to a client no faster than the client reads.
 * It writes all frames of a tick as one piece, so the kernel gets the data only after the tick.
 * The outlet reports room in the next iteration of the event loop.
 * Without that, a client that never reads would delay all others while the kernel buffers megabytes for it.
 */
export function createOutlet({ socket, stream, onOverrun }: OutletOptions): Outlet {
  const room = createCondition();
  let isCorked = false;
  let waiters: Waiters = 'none';
  socket.once('close', release);
  // Replies to pings fill the buffer too, and no callback reports that they are written.
  stream.on('drain', written);

  return {
    send(frame) {
      if (socket.readyState !== socket.OPEN) return;
      if (socket.bufferedAmount > maxOverrunBytes) {
        onOverrun();
        return;
      }
      cork();
      socket.send(frame, written);
    },
    hasRoom: () => !isFull(),
    room() {
      if (waiters === 'none') waiters = 'waiting';
      // The buffer may have become empty since the caller's check.
      written();
      return room.wait();
    },
  };

  function isFull(): boolean {
    return socket.readyState === socket.OPEN && socket.bufferedAmount > maxWaitingBytes;
  }

  function cork(): void {
    if (isCorked) return;
    isCorked = true;
    stream.cork();
    process.nextTick(() => {
      isCorked = false;
      stream.uncork();
    });
  }

  /** Called when the kernel has taken a frame. */
  function written(): void {
    if (waiters !== 'waiting' || isFull()) return;
    waiters = 'resuming';
    void nextSlice().then(release);
  }

  function release(): void {
    waiters = 'none';
    room.notify();
  }
}
