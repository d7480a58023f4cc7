import { encodeFrames, heartbeatFrame, type Frame } from './encode';

export interface RelayOptions {
  readonly heartbeatEveryMs: number;
}

/** Bounds one write, and with it what a client that does not read holds. */
const maxWriteChars = 16_384;

/**
 * What to write to an event-stream client: a comment at once, so that the response begins and proxies pass it on;
 * then each batch as one string, hence one write, unless it is long; and a comment whenever nothing was written for
 * `heartbeatEveryMs`. Pulled, not pushed: while the client does not read, nothing here runs. Written out, and no
 * generator, for the promises that one makes for each event.
 */
export function relay(
  batches: AsyncIterator<readonly Frame[], void>,
  { heartbeatEveryMs }: RelayOptions,
): AsyncGenerator<string, void> {
  let pieces: Iterator<string, void> = [heartbeatFrame].values();
  let answer: Answer | undefined;
  // Kept across heartbeats: to ask again would skip a batch.
  let isAsked = false;
  let end: { readonly error?: unknown } | undefined;
  // One for the whole stream, restarted at each wait: a timer per event would cost more than the event.
  const heartbeat = setTimeout(() => settle({ done: false, value: heartbeatFrame }), heartbeatEveryMs);

  function settle(result: IteratorResult<string, void>): void {
    const waiting = answer;
    answer = undefined;
    waiting?.resolve(result);
  }

  function finish(how: { readonly error?: unknown }): void {
    end ??= how;
    clearTimeout(heartbeat);
    if (answer !== undefined) tell();
  }

  function ask(): void {
    if (isAsked) return;
    isAsked = true;
    batches.next().then(onBatch, (error: unknown) => finish({ error }));
  }

  function onBatch(batch: IteratorResult<readonly Frame[], void>): void {
    isAsked = false;
    if (batch.done === true) return finish({});
    pieces = encodeFrames(batch.value, maxWriteChars);
    if (answer !== undefined) tell();
  }

  /** What is ready, to whoever waits; if nothing is, they wait on. */
  function tell(): void {
    const piece = pieces.next();
    if (piece.done !== true) return settle(piece);
    if (end === undefined) return ask();
    const waiting = answer;
    answer = undefined;
    if ('error' in end) waiting?.reject(end.error);
    else waiting?.resolve(done);
    // An error is told once.
    end = {};
  }

  const written: AsyncGenerator<string, void> = {
    next: () =>
      new Promise((resolve, reject) => {
        answer = { resolve, reject };
        if (end === undefined) heartbeat.refresh();
        tell();
      }),
    async return() {
      pieces = [].values();
      finish({});
      return done;
    },
    async throw(error) {
      await written.return(undefined);
      throw error;
    },
    [Symbol.asyncIterator]: () => written,
    async [Symbol.asyncDispose]() {
      await written.return(undefined);
    },
  };
  return written;
}

interface Answer {
  resolve(result: IteratorResult<string, void>): void;
  reject(error: unknown): void;
}

const done: IteratorReturnResult<void> = { done: true, value: undefined };
