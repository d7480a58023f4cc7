import type { Frame } from './sse/encode';
import { envelopeOf, isTerminal, type WireEvent } from './wire-event';

/**
 * The frames of one turn: the newest within a bound, and of older ones the text they come to. Whoever has missed those
 * is told the text at once. The id of a frame never changes.
 */
export interface FrameLog {
  /** The id of the newest frame; 0 while there is none. */
  lastId(): number;
  append(event: WireEvent): void;
  /** What comes next for whoever has seen the frame `cursor`: as much as goes into one batch; nothing if it was the newest. */
  after(cursor: number): readonly Frame[];
  /** Lets go of every frame but the newest. */
  shrink(): void;
}

/** Bounds what one batch, hence one write to a client far behind, can hold: events, and characters of more than one. */
const maxBatchEvents = 256;
const maxBatchChars = 16_384;

/** @param maxChars of the JSON of the frames that are kept. The newest is kept, however long, and does not end the others. */
export function createFrameLog(maxChars: number): FrameLog {
  const frames: Frame[] = [];
  let chars = 0;
  let started: Frame | undefined;
  /** Frames let go: those with the ids up to this one. */
  let gone = 0;
  let text = '';
  let newestGone: WireEvent | undefined;
  /** One frame in the place of those that are gone. Made for the first who has missed them, shared by the others. */
  let summary: Frame | undefined;

  function letGo(toChars: number): void {
    let count = 0;
    // Joined at once: a string that grew by single words would take more memory than the frames did.
    let words: string[] = [];
    for (; chars > toChars && count < frames.length - 1; count += 1) {
      const { data } = frames[count] as Frame;
      chars -= data.length;
      newestGone = JSON.parse(data) as WireEvent;
      if (newestGone.event === 'message') words.push(newestGone.answer);
      if (newestGone.event === 'message_replace') {
        text = '';
        words = [newestGone.answer];
      }
    }
    text += words.join('');
    frames.splice(0, count);
    gone += count;
    summary = undefined;
  }

  function missed(cursor: number): readonly Frame[] {
    if (newestGone !== undefined) {
      summary ??= toFrame(gone, { event: 'message_replace', ...envelopeOf(newestGone), answer: text });
    }
    return [cursor === 0 ? started : undefined, gone > 1 ? summary : undefined].filter(
      (frame) => frame !== undefined,
    );
  }

  return {
    lastId: () => gone + frames.length,
    append(event) {
      const frame = toFrame(gone + frames.length + 1, event);
      started ??= frame;
      frames.push(frame);
      chars += frame.data.length;
      // A quarter at a time, as each time costs moving what stays. And not for the end: who is about to read it needs no
      // summary instead.
      if (chars > maxChars && !isTerminal(event)) letGo(maxChars * 0.75);
    },
    after(cursor) {
      if (cursor < gone) return missed(cursor);
      const start = cursor - gone;
      let end = start;
      let size = 0;
      while (end < frames.length && end - start < maxBatchEvents) {
        size += frames[end]?.data.length ?? 0;
        if (end > start && size > maxBatchChars) break;
        end += 1;
      }
      return frames.slice(start, end);
    },
    shrink: () => letGo(0),
  };
}

function toFrame(id: number, event: WireEvent): Frame {
  return { id, data: JSON.stringify(event) };
}
