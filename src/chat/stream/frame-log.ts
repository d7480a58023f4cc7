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
  /** Returns the stored form of all events after the event `cursor`. The log must not have dropped the first of them. */
  entriesAfter(cursor: number): readonly LogEntry[];
  /** Returns what the log keeps of the events that it has dropped; null if it has dropped none. */
  dropped(): DroppedEvents | null;
}

/** The JSON of an event, or only the text of a `message`. */
export type LogEntry = { readonly json: string } | { readonly head: MessageHead; readonly text: string };

/** The part of a log that replaces events that it has dropped. */
export interface DroppedEvents {
  /** The id of the newest one. */
  readonly lastId: number;
  /** Their text. */
  readonly text: string;
  readonly envelope: Envelope;
  /** The JSON of the first event, which is never dropped. */
  readonly started: string | null;
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

/**
 * @param maxChars the maximum JSON of all kept frames. The log always keeps the newest frame, whatever its length.
 * @param dropped begins the log after these events.
 */
export function createFrameLog(maxChars: number, dropped: DroppedEvents | null = null): FrameLog {
  const entries: Entry[] = [];
  const ids = createIdChanges();
  let chars = 0;
  let started = typeof dropped?.started === 'string' ? toWhole(dropped.started, true) : undefined;
  let lastHead: MessageHead | undefined;
  /** The id of the newest dropped frame. All frames up to it are dropped. */
  let gone = dropped?.lastId ?? 0;
  let text = dropped?.text ?? '';
  let newestGone = dropped?.envelope;
  if (newestGone !== undefined) ids.areNew(newestGone);
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
      return toBatch(entries, cursor - gone, (index, entry) => ({
        id: gone + index + 1,
        data: encode(entry),
      }));
    },
    shrink: () => letGo(0),
    entriesAfter: (cursor) => entries.slice(Math.max(0, cursor - gone)),
    dropped: () =>
      newestGone === undefined
        ? null
        : { lastId: gone, text, envelope: newestGone, started: started?.json ?? null },
  };
}

type Encode = (entry: Entry) => string;

function toBatch(
  entries: readonly Entry[],
  start: number,
  toFrame: (index: number, entry: Entry) => NumberedFrame,
): readonly NumberedFrame[] {
  const batch: NumberedFrame[] = [];
  let size = 0;
  for (let index = start; index < entries.length && batch.length < maxBatchEvents; index += 1) {
    const entry = entries[index] as Entry;
    size += entry.size;
    if (batch.length > 0 && size > maxBatchChars) break;
    batch.push(toFrame(index, entry));
  }
  return batch;
}

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
