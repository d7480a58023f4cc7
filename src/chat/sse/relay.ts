import { encodeFrames, heartbeatFrame, type Frame } from './encode';

export interface RelayOptions {
  readonly heartbeatEveryMs: number;
}

/** Bounds one write, and with it what a client that does not read holds. */
const maxWriteChars = 16_384;

/**
 * What to write to an event-stream client: a comment at once, so that the response begins and proxies pass it on;
 * then each batch as one string, hence one write, unless it is long; and a comment whenever nothing was written for
 * `heartbeatEveryMs`. Pulled, not pushed: while the client does not read, nothing here runs.
 */
export async function* relay(
  batches: AsyncGenerator<readonly Frame[], void>,
  { heartbeatEveryMs }: RelayOptions,
): AsyncGenerator<string, void> {
  const heartbeat = createHeartbeat(heartbeatEveryMs);
  try {
    yield heartbeatFrame;
    // Asked for once and then kept across heartbeats: asking again would skip a batch.
    let next = batches.next();
    for (;;) {
      const result = await heartbeat.orBeat(next);
      if (result === 'beat') {
        yield heartbeatFrame;
      } else if (result.done === true) {
        return;
      } else {
        yield* encodeFrames(result.value, maxWriteChars);
        next = batches.next();
      }
    }
  } finally {
    heartbeat.stop();
  }
}

/** One timer for the whole stream, restarted at each wait: a timer per event would cost more than the event. */
function createHeartbeat(everyMs: number) {
  let beat: (() => void) | undefined;
  const timer = setTimeout(() => beat?.(), everyMs);
  return {
    orBeat<T>(pending: Promise<T>): Promise<T | 'beat'> {
      timer.refresh();
      return new Promise((resolve, reject) => {
        beat = () => resolve('beat');
        pending.then(resolve, reject);
      });
    },
    stop: () => clearTimeout(timer),
  };
}
