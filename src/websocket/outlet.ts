import type { WebSocket } from 'ws';

import type { Outlet } from '../chat';

/** What may wait in the memory of this process for one client to read. One frame more can be on top of it. */
const maxWaitingBytes = 64 * 1024;
/** Where that much waits already, nothing is added, not even what is told without waiting for room. */
const maxOverrunBytes = 16 * maxWaitingBytes;

export interface OutletOptions {
  readonly stalledAfterMs: number;
  /**
   * For so long the client has not taken a single frame, though as much waits for it as may. What it says itself does not
   * count: it could go on asking and never read.
   */
  readonly onStalled: () => void;
  /**
   * There is a frame to send to a client that is too far behind to be told anything else. It is not sent, so that the
   * connection has to end.
   */
  readonly onOverrun: () => void;
}

/** Writes to a client no faster than it reads. */
export function createOutlet(
  socket: WebSocket,
  { stalledAfterMs, onStalled, onOverrun }: OutletOptions,
): Outlet {
  let waiting: (() => void)[] = [];
  let stalled: NodeJS.Timeout | undefined;
  socket.once('close', release);

  return {
    send(frame) {
      if (socket.readyState !== socket.OPEN) return;
      if (socket.bufferedAmount > maxOverrunBytes) {
        onOverrun();
        return;
      }
      socket.send(frame, written);
      if (isFull()) stalled ??= setTimeout(onStalled, stalledAfterMs);
    },
    async room() {
      // What somebody else was told meanwhile can have filled it again.
      while (isFull()) await new Promise<void>((resolve) => waiting.push(resolve));
    },
  };

  function isFull(): boolean {
    return socket.readyState === socket.OPEN && socket.bufferedAmount > maxWaitingBytes;
  }

  /** Called once the kernel has taken a frame. */
  function written(): void {
    if (isFull()) stalled?.refresh();
    else release();
  }

  function release(): void {
    clearTimeout(stalled);
    stalled = undefined;
    const ready = waiting;
    waiting = [];
    for (const go of ready) go();
  }
}
