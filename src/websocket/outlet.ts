import type { Duplex } from 'node:stream';

import type { WebSocket } from 'ws';

import { createCondition, type Outlet } from '../chat';

/** What may wait in the memory of this process for one client to read. One frame more can be on top of it. */
const maxWaitingBytes = 64 * 1024;
/** Where that much waits already, nothing is added, not even what is told without waiting for room. */
const maxOverrunBytes = 16 * maxWaitingBytes;

export interface OutletOptions {
  readonly socket: WebSocket;
  /** What it is made of. */
  readonly stream: Duplex;
  /**
   * There is a frame to send to a client that is too far behind to be told anything else. It is not sent, so that the
   * connection has to end.
   */
  readonly onOverrun: () => void;
}

/**
 * Writes to a client no faster than it reads, and what is sent to it in one tick as one piece. So the system has none of it
 * before the tick is over, and what it takes makes room in the next iteration of the event loop: else a client that never
 * reads would hold up all others for the megabytes the system takes for it.
 */
export function createOutlet({ socket, stream, onOverrun }: OutletOptions): Outlet {
  const room = createCondition();
  let isCorked = false;
  let isReleasing = false;
  socket.once('close', release);

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
      // It may have become empty since the caller looked.
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

  /** Called once the system has taken a frame. */
  function written(): void {
    if (isReleasing || isFull()) return;
    isReleasing = true;
    setImmediate(release);
  }

  function release(): void {
    isReleasing = false;
    room.notify();
  }
}
