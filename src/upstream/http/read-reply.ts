import type { Readable } from 'node:stream';

import { ChatError, toChatError } from '../../chat/errors';
import type { ReplyEvent, TakeEvents } from '../../chat/ports/upstream';
import { atLoopEnd } from '../../chat/stream/loop-end';
import type { Call } from './call';
import { fromTransportError } from './errors';

export type AddEvents = (events: readonly ReplyEvent[]) => void;

/** One reply that is being read. */
export interface IncomingReply {
  /** Converts the next chunk. */
  take(chunk: Uint8Array): Batch;
  /** Returns the events of a reply whose body has ended or broken. */
  end(): Batch;
  /** Returns whether only a few last frames can follow. */
  isEnding(): boolean;
}

export interface Batch {
  /** Whether the chunk completed frames that the translator needs. Pings are none. */
  readonly hasFrames: boolean;
  /** The events of the chunk, up to the end of the reply. */
  readonly events: readonly ReplyEvent[];
  /** The error that ends the reply, if one does. */
  readonly failure: Error | undefined;
}

export interface OpenedReply {
  readonly body: Readable;
  readonly reply: IncomingReply;
}

/**
 * Reads one reply to its end. Passes its events to `take`, one batch per received chunk. Settles after `completed`.
 * @param open sends the request. Its errors end the call.
 * @throws ChatError `upstream-…`, and the errors of `open` and of `take`.
 */
export async function readReply(
  call: Call,
  open: () => Promise<OpenedReply>,
  take: TakeEvents,
): Promise<void> {
  let body: Readable | undefined;
  let isComplete = false;
  try {
    const opened = await open();
    const { reply } = opened;
    body = opened.body;
    isComplete = await readUntil(body, {
      isEnough: (chunk) => {
        call.deadlines.received();
        const batch = reply.take(chunk);
        const isEnd = pass(batch);
        call.deadlines.ending(reply.isEnding(), batch.hasFrames);
        return isEnd;
      },
      isEnoughAtEnd: () => pass(reply.end()),
    });
  } catch (error) {
    const hasBegun = body !== undefined;
    // A failure that the reply reports says more than the deadline that ended the wait.
    const isReported = hasBegun && error instanceof ChatError;
    throw (isReported ? undefined : call.expired()) ?? fromTransportError(error, { hasBegun });
  } finally {
    call.deadlines.cancel();
    if (isComplete) drain(body, call.endTimeoutMs);
    else body?.destroy();
  }
  if (!isComplete) throw new ChatError('upstream-interrupted', { cause: { transportCode: 'EOF' } });

  /** @returns whether the reply has ended. */
  function pass({ events, failure }: Batch): boolean {
    // The events before a failure in the same chunk are part of the answer.
    if (events.length > 0) take(events);
    const isEnd = events.at(-1)?.type === 'completed';
    if (failure !== undefined && !isEnd) throw failure;
    return isEnd;
  }
}

/**
 * Collects the events of one chunk.
 * @param translate converts one frame. It gets no frame after the end of the reply.
 * @param convert passes the frames of the chunk to `read`, or null for a frame without use. May also `add` events.
 */
export function toBatch<Frame>(
  translate: (frame: Frame, add: AddEvents) => void,
  convert: (read: (frame: Frame | null) => void, add: AddEvents) => void,
): Batch {
  const events: ReplyEvent[] = [];
  let hasFrames = false;
  const hasEnded = () => events.at(-1)?.type === 'completed';
  const add = (more: readonly ReplyEvent[]) => {
    if (!hasEnded()) events.push(...more);
  };
  try {
    convert((frame) => {
      hasFrames = true;
      if (frame !== null && !hasEnded()) translate(frame, add);
    }, add);
    return { events, hasFrames, failure: undefined };
  } catch (error) {
    return { events, hasFrames, failure: error instanceof Error ? error : toChatError(error) };
  }
}

interface Enough {
  /** Returns whether the reply is complete after this chunk. */
  readonly isEnough: (chunk: Uint8Array) => boolean;
  /** Returns whether the reply is complete although the body has ended or broken. Called after the last chunk. */
  readonly isEnoughAtEnd: () => boolean;
}

/**
 * Reads `body` until the reply is complete.
 * It does not use `for await`, which would lose buffered chunks when the connection breaks.
 * @returns false if the body ended before that.
 * @throws the error of the connection, or an error of `isEnough` and `isEnoughAtEnd`.
 */
function readUntil(body: Readable, { isEnough, isEnoughAtEnd }: Enough): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let hasLeft = false;
    const onData = (chunk: Uint8Array) => {
      if (chunks.push(chunk) === 1) atLoopEnd(take);
    };
    const take = () => leaveIf(() => chunks.splice(0).some(isEnough));
    const leaveIf = (isComplete: () => boolean) => {
      if (hasLeft) return;
      try {
        if (isComplete()) leave(() => resolve(true));
      } catch (error) {
        leave(() => reject(error instanceof Error ? error : new Error('The reply cannot be processed.')));
      }
    };
    const leave = (settle: () => void) => {
      hasLeft = true;
      body.off('data', onData);
      body.pause();
      settle();
    };
    const onEnd = (settle: () => void) => {
      take();
      leaveIf(isEnoughAtEnd);
      if (!hasLeft) leave(settle);
    };
    body.on('data', onData);
    body.once('end', () => onEnd(() => resolve(false)));
    body.once('close', () => onEnd(() => resolve(false)));
    // Never remove this listener: a later error must have one.
    body.on('error', (error) => onEnd(() => reject(error)));
  });
}

/** Reads and discards the rest of the response after the end of the reply, for at most `withinMs`. */
function drain(body: Readable | undefined, withinMs: number): void {
  // Often the body has closed together with the last event. Then a timer would keep the whole turn in memory.
  if (body === undefined || body.closed) return;
  const timer = setTimeout(() => body.destroy(), withinMs);
  body.once('close', () => clearTimeout(timer));
  body.resume();
}
