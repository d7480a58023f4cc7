import type { Frame } from './sse';
import { envelopeOf, isTerminal, type Envelope, type WireEvent } from '../contract/stream-event';
import { encodeMessage, type MessageHead } from './message-head';

/**
 * The frames of one turn: the newest within a bound, and of older ones the text they come to. Whoever has missed those
 * is told the text at once. The id of a frame never changes.
 */
export interface FrameLog {
  /** The id of the newest frame; 0 while there is none. */
  lastId(): number;
  append(event: WireEvent): void;
  /** Appends a `message` event. Only its text is kept, and put into JSON for those who read it. */
  appendText(head: MessageHead, text: string): void;
  /** What comes next for whoever has seen the frame `cursor`: as much as goes into one batch; nothing if it was the newest. */
  after(cursor: number): readonly Frame[];
  /** Lets go of every frame but the newest. */
  shrink(): void;
}

/** Bounds what one batch, hence one write to a client far behind, can hold: events, and characters of more than one. */
const maxBatchEvents = 256;
const maxBatchChars = 16_384;

/** What is kept of an event: its JSON, or of a `message` the text alone, which is a tenth of it. */
type Entry =
  | { readonly json: string; readonly size: number }
  | { readonly head: MessageHead; readonly text: string; readonly size: number };

/** @param maxChars of the JSON of the frames that are kept. The newest is kept, however long, and does not end the others. */
export function createFrameLog(maxChars: number): FrameLog {
  const entries: Entry[] = [];
  let chars = 0;
  let started: Frame | undefined;
  /** Frames let go: those with the ids up to this one. */
  let gone = 0;
  let text = '';
  let newestGone: Envelope | undefined;
  /** One frame in the place of those that are gone. Made for the first who has missed them, shared by the others. */
  let summary: Frame | undefined;

  const lastId = () => gone + entries.length;

  function letGo(toChars: number): void {
    let count = 0;
    // Joined at once: a string that grew by single words would take more memory than the frames did.
    let words: string[] = [];
    for (; chars > toChars && count < entries.length - 1; count += 1) {
      const entry = entries[count] as Entry;
      chars -= entry.size;
      if ('head' in entry) {
        newestGone = entry.head.envelope;
        words.push(entry.text);
        continue;
      }
      const event = JSON.parse(entry.json) as WireEvent;
      newestGone = envelopeOf(event);
      if (event.event === 'message') words.push(event.answer);
      if (event.event === 'message_replace') {
        text = '';
        words = [event.answer];
      }
    }
    text += words.join('');
    entries.splice(0, count);
    gone += count;
    summary = undefined;
  }

  function missed(cursor: number): readonly Frame[] {
    if (newestGone !== undefined) {
      const event: WireEvent = { event: 'message_replace', ...newestGone, answer: text };
      summary ??= { id: gone, data: JSON.stringify(event) };
    }
    return [cursor === 0 ? started : undefined, gone > 1 ? summary : undefined].filter(
      (frame) => frame !== undefined,
    );
  }

  return {
    lastId,
    append(event) {
      const json = JSON.stringify(event);
      entries.push({ json, size: json.length });
      chars += json.length;
      if (lastId() === 1) started = { id: 1, data: json };
      // A quarter at a time, as each time costs moving what stays. And not for the end: who is about to read it needs no
      // summary instead.
      if (chars > maxChars && !isTerminal(event)) letGo(maxChars * 0.75);
    },
    appendText(head, words) {
      // As JSON, but for what must be escaped in it.
      const size = head.json.length + words.length + '""}'.length;
      entries.push({ head, text: words, size });
      chars += size;
      if (chars > maxChars) letGo(maxChars * 0.75);
    },
    after(cursor) {
      if (cursor < gone) return missed(cursor);
      const start = cursor - gone;
      const batch: Frame[] = [];
      let size = 0;
      for (let index = start; index < entries.length && batch.length < maxBatchEvents; index += 1) {
        const entry = entries[index] as Entry;
        size += entry.size;
        if (batch.length > 0 && size > maxBatchChars) break;
        batch.push({ id: gone + index + 1, data: toJson(entry) });
      }
      return batch;
    },
    shrink: () => letGo(0),
  };
}

function toJson(entry: Entry): string {
  return 'head' in entry ? encodeMessage(entry.head, entry.text) : entry.json;
}
