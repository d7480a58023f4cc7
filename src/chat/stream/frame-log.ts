import type { NumberedFrame } from './sse';
import {
  envelopeOf,
  isTerminal,
  toCompactEvent,
  type Envelope,
  type StreamFormat,
  type WireEvent,
} from '../contract/stream-event';
import { createIdChanges } from './id-changes';
import { encodeCompactMessage, encodeMessage, type MessageHead } from './message-head';

/**
 * The frames of one turn. It keeps the newest frames within a limit, and only the text of older ones. A follower that
 * has missed older frames gets their text in one frame. The id of a frame never changes.
 */
export interface FrameLog {
  /** Returns the id of the newest frame; 0 if no frame exists yet. */
  lastId(): number;
  append(event: WireEvent): void;
  /** Appends a `message` event. Keeps only its text, and makes JSON of it for each reader. */
  appendText(head: MessageHead, text: string): void;
  /** Returns the frames after the frame `cursor`, at most one batch. Empty if it is the newest. */
  after(cursor: number, format?: StreamFormat): readonly NumberedFrame[];
  /** Drops every frame except the newest. */
  shrink(): void;
}

/** Limits of one batch, and so of one write: events, and characters if it has several events. */
const maxBatchEvents = 256;
const maxBatchChars = 16_384;

/** The stored part of an event: its JSON, or only the text of a `message`. That text is a tenth of its JSON. */
type Entry = WholeEntry | { readonly head: MessageHead; readonly text: string; readonly size: number };

interface WholeEntry {
  readonly json: string;
  readonly size: number;
  /** Whether a compact event of text must have the ids: see `id-changes`. */
  readonly hasNewIds: boolean;
  /** The JSON of the compact event. The first compact follower makes it for all. */
  compact: string | undefined;
}

/** @param maxChars the maximum JSON of all kept frames. The log always keeps the newest frame, whatever its length. */
export function createFrameLog(maxChars: number): FrameLog {
  const entries: Entry[] = [];
  const ids = createIdChanges();
  let chars = 0;
  let started: WholeEntry | undefined;
  let lastHead: MessageHead | undefined;
  /** The id of the newest dropped frame. All frames up to it are dropped. */
  let gone = 0;
  let text = '';
  let newestGone: Envelope | undefined;
  /** One frame that replaces the dropped ones. All followers that have missed them share it. */
  let summary: WholeEntry | undefined;

  const lastId = () => gone + entries.length;

  function letGo(toChars: number): void {
    let count = 0;
    // Join all words in one step. A string that grows word by word would take more memory than the frames.
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

  function missed(cursor: number, encode: Encode): readonly NumberedFrame[] {
    if (newestGone !== undefined && summary === undefined) {
      const event: WireEvent = { event: 'message_replace', ...newestGone, answer: text };
      // The follower may have missed the event with the ids.
      summary = toWhole(JSON.stringify(event), true);
    }
    const frames: NumberedFrame[] = [];
    if (cursor === 0 && started !== undefined) frames.push({ id: 1, data: encode(started) });
    if (gone > 1 && summary !== undefined) frames.push({ id: gone, data: encode(summary) });
    return frames;
  }

  return {
    lastId,
    append(event) {
      const entry = toWhole(JSON.stringify(event), ids.isNewIn(event));
      entries.push(entry);
      chars += entry.size;
      if (lastId() === 1) started = entry;
      // Drop a quarter at a time, because each time moves all kept frames. Drop nothing for a terminal event: followers
      // that are about to read it then need no summary.
      if (chars > maxChars && !isTerminal(event)) letGo(maxChars * 0.75);
    },
    appendText(head, words) {
      // The length as JSON, without the escapes in the text.
      const size = head.json.length + words.length + '""}'.length;
      if (head !== lastHead && ids.areNew(head.envelope)) {
        entries.push({ ...toWhole(encodeMessage(head, words), true), size });
      } else entries.push({ head, text: words, size });
      lastHead = head;
      chars += size;
      if (chars > maxChars) letGo(maxChars * 0.75);
    },
    after(cursor, format = 'full') {
      const encode = format === 'compact' ? toCompactJson : toJson;
      if (cursor < gone) return missed(cursor, encode);
      const start = cursor - gone;
      const batch: NumberedFrame[] = [];
      let size = 0;
      for (let index = start; index < entries.length && batch.length < maxBatchEvents; index += 1) {
        const entry = entries[index] as Entry;
        size += entry.size;
        if (batch.length > 0 && size > maxBatchChars) break;
        batch.push({ id: gone + index + 1, data: encode(entry) });
      }
      return batch;
    },
    shrink: () => letGo(0),
  };
}

type Encode = (entry: Entry) => string;

function toWhole(json: string, hasNewIds: boolean): WholeEntry {
  return { json, size: json.length, hasNewIds, compact: undefined };
}

function toCompactJson(entry: Entry): string {
  if ('head' in entry) return encodeCompactMessage(entry.text);
  entry.compact ??= JSON.stringify(toCompactEvent(JSON.parse(entry.json) as WireEvent, entry.hasNewIds));
  return entry.compact;
}

function toJson(entry: Entry): string {
  return 'head' in entry ? encodeMessage(entry.head, entry.text) : entry.json;
}
