import type { WebSocket } from 'ws';

import type { Outlet } from '../chat';

/** What may wait in the memory of this process for one client to read. One frame more can be on top of it. */
const maxWaitingBytes = 256 * 1024;

/**
 * Writes to a client no faster than it reads. `onStalled` is called when it has left more than it may unread for
 * `stalledAfterMs`.
 */
export function createOutlet(
  socket: WebSocket,
  { stalledAfterMs, onStalled }: { readonly stalledAfterMs: number; readonly onStalled: () => void },
): Outlet {
  let waiting: (() => void)[] = [];
  let stalled: NodeJS.Timeout | undefined;
  socket.once('close', release);

  return {
    send(frame) {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(frame, written);
      if (isFull()) stalled ??= setTimeout(onStalled, stalledAfterMs);
    },
    room: () => (isFull() ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()),
  };

  function isFull(): boolean {
    return socket.readyState === socket.OPEN && socket.bufferedAmount > maxWaitingBytes;
  }

  function written(): void {
    if (!isFull()) release();
  }

  function release(): void {
    clearTimeout(stalled);
    stalled = undefined;
    const ready = waiting;
    waiting = [];
    for (const go of ready) go();
  }
}
