import { Readable } from 'node:stream';

import { encodeFrames, encodeUnnumbered, heartbeatFrame, type Frame } from './sse';

export interface EventStreamOptions {
  readonly heartbeatEveryMs: number;
  /** Returns the JSON of one more event, to be sent after the last batch. It gets the last frame that was sent. */
  readonly lastEvent?: (last: Frame | undefined) => string | undefined;
}

/** Bounds one write, and what one client is sent in an iteration of the event loop. */
const maxWriteChars = 16_384;

/**
 * The body of an event-stream response. It begins with a comment, so that proxies pass the response on. Each batch is one
 * chunk, hence one write, unless it is long. After `heartbeatEveryMs` without a write it sends a comment.
 *
 * It asks for the next batch when the client has room: a client that does not read is one batch behind, and the rest
 * stays in the log. It ends with `batches`; if they throw, it is destroyed with their error. Destroying it returns from
 * `batches`, once the signal they were made with has ended a wait in them.
 */
export class EventStream extends Readable {
  readonly #batches: AsyncGenerator<readonly Frame[], void>;
  readonly #options: EventStreamOptions;
  /** What is left of the last batch. */
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
    // Node asks again after a heartbeat that was pushed while the next batch is awaited.
    if (this.#isReading) return;
    this.#isReading = true;
    // The kernel takes megabytes for a client that does not read. Without a break, other requests would wait for that.
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
      // Later, so that the chunk before it reaches the client.
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

  /** Checks how long nothing was sent. A timer that each chunk sets again would cost more than the check. */
  #beat(): void {
    const { heartbeatEveryMs } = this.#options;
    const leftMs = this.#pushedAt + heartbeatEveryMs - performance.now();
    if (leftMs <= 0 && this.readableLength === 0) this.push(heartbeatFrame);
    this.#heartbeat = setTimeout(() => this.#beat(), leftMs > 0 ? leftMs : heartbeatEveryMs);
  }
}
