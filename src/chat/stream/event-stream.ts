import { Readable } from 'node:stream';

import type { Batch, Batches } from './follower';
import { createYield } from '../shared/yield-to-event-loop';
import { encodeFrames, encodeUnnumbered, heartbeatFrame, type Frame } from './sse';

export interface EventStreamOptions {
  readonly heartbeatEveryMs: number;
  /** The text that begins the stream. Default: a comment, so that proxies forward the response. */
  readonly opening?: string;
  /** The text that the stream sends when it is silent. Default: a comment. */
  readonly heartbeat?: string;
  /** Returns the JSON of one more event, which goes after the last batch. `last` is the last frame that was sent. */
  readonly lastEvent?: (last: Frame | undefined) => string | undefined;
  /** Gets the error of `batches`. The stream is then destroyed without an error. */
  readonly onFailed?: (error: Error) => void;
}

/** The maximum of one write, and of all writes to one client in one iteration of the event loop. */
const maxWriteChars = 16_384;
/** At most 32 clients, hence half a megabyte, in one iteration. */
const nextSlice = createYield(32);

/**
 * The body of an event-stream response. Each batch is one chunk and so one write, unless it is long. After
 * `heartbeatEveryMs` without a write, the stream sends a heartbeat.
 *
 * It reads the next batch when the client has room. For a client that does not read, it holds one batch, and the rest
 * stays in the log. It ends when `batches` ends. If `batches` throws, the stream is destroyed with that error, or calls
 * `onFailed`. When the stream is destroyed, it calls `batches.return()`. The caller must end a wait in `batches` by their
 * signal.
 */
export class EventStream extends Readable {
  readonly #batches: Batches;
  readonly #options: EventStreamOptions;
  /** The rest of the last batch. */
  #chunks: Iterator<string, void> | undefined;
  #last: Frame | undefined;
  #charsInRow = 0;
  #isReading = false;
  #heartbeat: NodeJS.Timeout | undefined;
  #pushedAt = 0;

  constructor(batches: Batches, options: EventStreamOptions) {
    super({ objectMode: true, highWaterMark: 1 });
    this.#batches = batches;
    this.#options = options;
    this.#chunks = [options.opening ?? heartbeatFrame].filter((text) => text !== '').values();
  }

  override _read(): void {
    this.#heartbeat ??= setTimeout(() => this.#beat(), this.#options.heartbeatEveryMs);
    // Node asks again after a heartbeat that was pushed while the next batch is awaited.
    if (this.#isReading) return;
    this.#isReading = true;
    // The kernel takes megabytes for a client that does not read. Without a pause, other requests would wait for it.
    if (this.#charsInRow < maxWriteChars) return this.#readNext();
    this.#charsInRow = 0;
    void nextSlice().then(this.#readNext);
  }

  readonly #readNext = (): void => {
    if (this.destroyed) return;
    try {
      this.#pushNext();
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error('The batches cannot be read.'));
    }
  };

  /** Pushes the next chunk, from the next batch if none is left. Callbacks: an async function costs more memory. */
  #pushNext(): void {
    const chunk = this.#chunks?.next();
    if (chunk !== undefined && chunk.done !== true) {
      this.#charsInRow += chunk.value.length;
      this.#push(chunk.value);
      return;
    }
    this.#chunks = undefined;
    if (this.#batches.poll === undefined) {
      this.#batches.next().then(this.#onBatch).catch(this.#fail);
      return;
    }
    const batch = this.#batches.poll(this.#readNext);
    if (batch !== null) this.#onBatch(batch);
  }

  readonly #onBatch = (batch: Batch): void => {
    if (batch.done === true) {
      this.#pushEnd();
      return;
    }
    this.#last = batch.value.at(-1);
    this.#chunks = encodeFrames(batch.value, maxWriteChars);
    this.#pushNext();
  };

  readonly #fail = (error: Error): void => {
    // Later, so that the previous chunk reaches the client.
    setImmediate(() => {
      const { onFailed } = this.#options;
      if (onFailed === undefined) return this.destroy(error);
      if (!this.destroyed) onFailed(error);
      return this.destroy();
    });
  };

  #push(chunk: string): void {
    this.#isReading = false;
    this.#pushedAt = performance.now();
    this.push(chunk);
  }

  #pushEnd(): void {
    clearTimeout(this.#heartbeat);
    const event = this.#options.lastEvent?.(this.#last);
    if (event !== undefined) this.push(encodeUnnumbered(event));
    this.push(null);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#heartbeat);
    this.#batches.return().catch(() => undefined);
    callback(error);
  }

  /**
   * Sends a heartbeat if nothing was sent for the interval, the client has read everything, and no frame is half sent.
   * The time is compared here, because it would cost more to start a timer again for each chunk.
   */
  #beat(): void {
    const { heartbeatEveryMs, heartbeat = heartbeatFrame } = this.#options;
    const leftMs = this.#pushedAt + heartbeatEveryMs - performance.now();
    this.#heartbeat = setTimeout(() => this.#beat(), leftMs > 0 ? leftMs : heartbeatEveryMs);
    if (leftMs <= 0 && this.readableLength === 0 && this.#chunks === undefined) this.push(heartbeat);
  }
}
