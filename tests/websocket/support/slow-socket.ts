import { EventEmitter } from 'node:events';

import type { WebSocket } from 'ws';

/** Replaces the WebSocket of the library. Its client takes a frame when the test calls `take`. */
export class SlowSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  readonly taken: string[] = [];
  readonly closings: [code: number, reason: string][] = [];
  readonly #waiting: { readonly frame: string; readonly written: () => void }[] = [];

  send(frame: string, written: () => void): void {
    this.#waiting.push({ frame, written });
    this.bufferedAmount += frame.length;
  }

  /** Takes a frame as the client. @returns whether a frame was waiting. */
  take(): boolean {
    const next = this.#waiting.shift();
    if (next === undefined) return false;
    this.bufferedAmount -= next.frame.length;
    this.taken.push(next.frame);
    next.written();
    return true;
  }

  close(code: number, reason: string): void {
    this.closings.push([code, reason]);
    this.readyState = 2;
  }

  isTerminated = false;

  terminate(): void {
    this.isTerminated = true;
  }

  /** Closes the connection. */
  end(): void {
    this.readyState = 3;
    this.emit('close');
  }

  asWebSocket(): WebSocket {
    return this as unknown as WebSocket;
  }
}

/** Replaces the stream of a WebSocket. The test sets the number of bytes that wait in it. */
export class SlowStream extends EventEmitter {
  writableLength = 0;
  writableCorked = 0;

  cork(): void {
    this.writableCorked += 1;
  }

  uncork(): void {
    this.writableCorked -= 1;
  }
}
