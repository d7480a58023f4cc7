import { Stream } from 'node:stream';

import { encodeFrames, encodeUnnumbered, heartbeatFrame, type Frame } from './sse';
import { createPull, type FrameSource } from './frame-source';

export interface RelayOptions {
  readonly heartbeatEveryMs: number;
  /** Asked when `batches` are done, with the last frame of them: an event to write after it, as JSON. */
  readonly lastEvent?: (frame: Frame | undefined) => string | undefined;
  /** Runs a task in a further iteration of the event loop. */
  readonly later: (task: () => void) => void;
}

/** Bounds one write, what a client that does not read holds, and what is written in an iteration of the event loop. */
const maxWriteChars = 16_384;

/**
 * What Koa is to pipe to an event-stream client: a comment at once, so that the response begins and proxies pass it on;
 * then each batch as one piece, hence one write, unless it is long; and a comment whenever nothing was written for
 * `heartbeatEveryMs`. Pulled, not pushed: a client that does not read is one batch behind what it has, and the rest stays
 * where it was. `batches` have a signal of their own to end by. The client ends with them, and is cut off where they fail,
 * which is told as `error`.
 */
export function relay(batches: FrameSource, options: RelayOptions): Stream {
  return new Relay(batches, options);
}

/** No `Readable`, whose buffer and ticks for each event would be for nothing: Koa asks no more of a stream than this. */
class Relay extends Stream {
  readonly #batches: FrameSource;
  readonly #options: RelayOptions;
  #leave: (() => void) | undefined;

  constructor(batches: FrameSource, options: RelayOptions) {
    super();
    this.#batches = batches;
    this.#options = options;
  }

  override pipe<T extends NodeJS.WritableStream>(client: T): T {
    const { begin, leave } = createWriter(client, this.#batches, this.#options, (error) => {
      // Later: until the end of the tick Node holds back what was written in it.
      setImmediate(() => destroy(client));
      this.emit('error', error);
    });
    this.#leave = leave;
    begin();
    return client;
  }

  destroy(): void {
    this.#leave?.();
  }
}

/** Any stream that is written to can be destroyed; the type is of before that. */
function destroy(client: NodeJS.WritableStream & { destroy?(): void }): void {
  client.destroy?.();
}

/** Written out, and no generator, for the promises and ticks that one takes for each event. */
function createWriter(
  client: NodeJS.WritableStream,
  batches: FrameSource,
  { heartbeatEveryMs, lastEvent, later }: RelayOptions,
  onFailed: (error: Error) => void,
): { readonly begin: () => void; readonly leave: () => void } {
  let pieces: Iterator<string, void> = [heartbeatFrame].values();
  let lastFrame: Frame | undefined;
  let isTaking = true;
  let isOver = false;
  let isQueued = false;
  let writtenAt = 0;
  let heartbeat: NodeJS.Timeout | undefined;
  const pull = createPull(batches, {
    onReady: give,
    onFailed(error) {
      if (isOver) return;
      leave();
      onFailed(error);
    },
  });
  return { begin, leave };

  function begin(): void {
    heartbeat = setTimeout(beat, heartbeatEveryMs);
    client.on('drain', onDrain);
    give();
  }

  /** What is ready, as long as it is taken; a slice of it, and the rest later. */
  function give(): void {
    for (let chars = 0; isTaking && !isOver;) {
      if (chars >= maxWriteChars) {
        giveLater();
        return;
      }
      const piece = pieces.next();
      if (piece.done !== true) {
        put(piece.value);
        chars += piece.value.length;
        continue;
      }
      const batch = pull();
      if (batch === null) return;
      if (batch.done !== true) {
        pieces = encodeFrames(batch.value, maxWriteChars);
        lastFrame = batch.value.at(-1) ?? lastFrame;
      } else {
        leave();
        const last = lastEvent?.(lastFrame);
        if (last !== undefined) client.write(encodeUnnumbered(last));
        client.end();
      }
    }
  }

  function put(piece: string): void {
    writtenAt = performance.now();
    isTaking = client.write(piece);
  }

  function onDrain(): void {
    isTaking = true;
    giveLater();
  }

  /**
   * As long as the system takes all that it is given, it says so before anybody else comes to do anything: a client that
   * never reads would hold up all others for the megabytes the system takes for it.
   */
  function giveLater(): void {
    if (isQueued) return;
    isQueued = true;
    later(() => {
      isQueued = false;
      give();
    });
  }

  /** Looks how long it has been, and is not set anew for each event: that would cost as much as the event's text. */
  function beat(): void {
    const leftMs = isTaking ? writtenAt + heartbeatEveryMs - performance.now() : heartbeatEveryMs;
    heartbeat = setTimeout(beat, leftMs > 0 ? leftMs : heartbeatEveryMs);
    if (leftMs <= 0) put(heartbeatFrame);
  }

  function leave(): void {
    isOver = true;
    clearTimeout(heartbeat);
    client.off('drain', onDrain);
  }
}
