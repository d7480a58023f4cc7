import { Readable } from 'node:stream';

import { encodeFrames, heartbeatFrame, type Frame } from './encode';

/** Batches of frames, one after the other. */
export interface FrameSource extends AsyncIterator<readonly Frame[], void> {
  /** Where there is this, it is asked by it: the next batch if there is one, else null, and `onReady` tells when. */
  poll?(onReady: () => void): IteratorResult<readonly Frame[], void> | null;
}

export interface RelayOptions {
  readonly heartbeatEveryMs: number;
}

/** Bounds one write, and with it what a client that does not read holds. */
const maxWriteChars = 16_384;

/**
 * What to write to an event-stream client: a comment at once, so that the response begins and proxies pass it on;
 * then each batch as one piece, hence one write, unless it is long; and a comment whenever nothing was written for
 * `heartbeatEveryMs`. Pulled, not pushed: a client that does not read is one batch behind what it has, and the rest stays
 * where it was. `batches` have a signal of their own to end by. Written out, and no generator, for the promises and ticks
 * that one takes for each event.
 */
export function relay(batches: FrameSource, { heartbeatEveryMs }: RelayOptions): Readable {
  let pieces: Iterator<string, void> = [heartbeatFrame].values();
  let isWanted = false;
  // Kept across heartbeats: to ask again would skip a batch.
  let isAsked = false;
  let isOver = false;
  let wantedAt = 0;
  let heartbeat = setTimeout(beat, heartbeatEveryMs);

  const stream = new Readable({
    // One piece at a time: what a client has not taken yet stays in the log, which all its followers share.
    highWaterMark: 1,
    // As text down to the socket: copied into bytes there, and not here before.
    encoding: 'utf8',
    read() {
      isWanted = true;
      wantedAt = performance.now();
      give();
    },
    destroy(error, callback) {
      clearTimeout(heartbeat);
      callback(error);
    },
  });
  return stream;

  /** What is ready, if it is wanted; if nothing is, it is asked for. */
  function give(): void {
    if (!isWanted) return;
    const piece = pieces.next();
    if (piece.done !== true) push(piece.value);
    else if (isOver) push(null);
    else if (batches.poll !== undefined) {
      const batch = batches.poll(give);
      if (batch !== null) onBatch(batch);
    } else if (!isAsked) {
      isAsked = true;
      batches.next().then(onBatch, (error: Error) => stream.destroy(error));
    }
  }

  function onBatch(batch: IteratorResult<readonly Frame[], void>): void {
    isAsked = false;
    if (batch.done === true) isOver = true;
    else pieces = encodeFrames(batch.value, maxWriteChars);
    give();
  }

  function push(piece: string | null): void {
    isWanted = false;
    stream.push(piece);
  }

  /** Looks how long it has been, and is not set anew for each event: that would cost as much as the event's text. */
  function beat(): void {
    const leftMs = isWanted ? wantedAt + heartbeatEveryMs - performance.now() : heartbeatEveryMs;
    heartbeat = setTimeout(beat, leftMs > 0 ? leftMs : heartbeatEveryMs);
    if (leftMs <= 0) push(heartbeatFrame);
  }
}
