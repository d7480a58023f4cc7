import { Readable } from 'node:stream';

import { encodeFrames, encodeUnnumbered, heartbeatFrame, type Frame } from './sse';

export interface EventStreamOptions {
  readonly heartbeatEveryMs: number;
  /** Returns the JSON of one more event, which goes after the last batch. `last` is the last frame that was sent. */
  readonly lastEvent?: (last: Frame | undefined) => string | undefined;
}

/** The maximum of one write, and of all writes to one client in one iteration of the event loop. */
const maxWriteChars = 16_384;

/**
 * The body of an event-stream response. It begins with a comment, so that proxies forward the response. Each batch is
 * one chunk and so one write, unless it is long. After `heartbeatEveryMs` without a write, the stream sends a comment.
 *
 * It reads the next batch when the client has room. For a client that does not read, it holds one batch, and the rest
 * stays in the log. It ends when `batches` ends. If `batches` throws, the stream is destroyed with that error. When the
 * stream is destroyed, it calls `batches.return()`. The caller must end a wait in `batches` by their signal.
 */
export class EventStream extends Readable {
  readonly #batches: AsyncGenerator<readonly Frame[], void>;
  readonly #options: EventStreamOptions;
  /** The rest of the last batch. */
  #chunks: Iterator<string, void> | undefined = [heartbeatFrame].values();
  #last: Frame | undefined;
  #charsInRow = 0;
  #isReading = false;
  #heartbeat: NodeJS.Timeout | undefined;
  #pushedAt = 0;

  constructor(batches: AsyncGenerator<readonly Frame[], void>, options: EventStreamOptions) {
    super({ objectMode: true, highWaterMark: 1 });
    this.#batches = batches;
    this.#options = options;
  }

  override _read(): void {
    this.#heartbeat ??= setTimeout(() => this.#beat(), this.#options.heartbeatEveryMs);
    // Node calls this again after a heartbeat, while the next batch is still awaited.
    if (this.#isReading) return;
    this.#isReading = true;
    // The kernel buffers megabytes for a client that does not read. Without a pause, other requests would wait.
    if (this.#charsInRow < maxWriteChars) this.#readNext();
    else setImmediate(() => this.#readNext());
  }

  #readNext(): void {
    if (this.#charsInRow >= maxWriteChars) this.#charsInRow = 0;
    const chunk = this.#chunks?.next();
    if (chunk?.done === false) {
      this.#charsInRow += chunk.value.length;
      this.#push(chunk.value);
      return;
    }
    this.#chunks = undefined;
    this.#batches.next().then(
      (batch) => this.#take(batch),
      // Destroy it later, so that the previous chunk reaches the client.
      (error: Error) => setImmediate(() => this.destroy(error)),
    );
  }

  #take(batch: IteratorResult<readonly Frame[], void>): void {
    if (batch.done === true) {
      const event = this.#options.lastEvent?.(this.#last);
      if (event !== undefined) this.#push(encodeUnnumbered(event));
      this.push(null);
      return;
    }
    this.#chunks = encodeFrames(batch.value, maxWriteChars);
    this.#last = batch.value.at(-1);
    this.#readNext();
  }

  #push(chunk: string): void {
    this.#isReading = false;
    this.#pushedAt = performance.now();
    this.push(chunk);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#heartbeat);
    this.#batches.return().catch(() => undefined);
    callback(error);
  }

  /** Checks how long nothing was sent. To reset a timer with each chunk would cost more. */
  #beat(): void {
    const { heartbeatEveryMs } = this.#options;
    const leftMs = this.#pushedAt + heartbeatEveryMs - performance.now();
    if (leftMs <= 0 && this.readableLength === 0) this.push(heartbeatFrame);
    this.#heartbeat = setTimeout(() => this.#beat(), leftMs > 0 ? leftMs : heartbeatEveryMs);
  }
}
