import { z } from 'zod';

import { envelopeOf, type WireEvent } from '../contract/stream-event';
import type { LogPart, SharedLog } from '../ports/nodes/live-events';
import { createFrameLog, type DroppedEvents, type FrameLog, type LogEntry } from './frame-log';
import { encodeMessage, toMessageHead, type MessageHead } from './message-head';

// A part is a JSON array. An entry is the JSON of an event, or a text: the text of a `message` whose other fields are
// those of the last `message`. So a part is about as long as its text. In place of events that the log has dropped, the
// array begins with `[what replaces them]`.

/** Reads the events of a log for other nodes. */
export function createSharedLog(log: FrameLog): Pick<SharedLog, 'next' | 'all'> {
  let sentId = 0;
  let sentHead: MessageHead | undefined;
  return {
    next() {
      const dropped = log.dropped();
      if (dropped !== null && dropped.lastId > sentId) return all();
      return toPart(log.entriesAfter(sentId), sentId + 1);
    },
    all,
  };

  function all(): LogPart | null {
    const dropped = log.dropped();
    sentHead = undefined;
    sentId = dropped?.lastId ?? 0;
    const entries = log.entriesAfter(sentId);
    return dropped === null ? toPart(entries, 1) : toPart(entries, 1, JSON.stringify([dropped]));
  }

  function toPart(entries: readonly LogEntry[], firstId: number, before?: string): LogPart | null {
    if (entries.length === 0) return null;
    const parts = entries.map(encode);
    if (before !== undefined) parts.unshift(before);
    sentId += entries.length;
    return { firstId, lastId: sentId, json: `[${parts.join(',')}]` };
  }

  function encode(entry: LogEntry): string {
    if (!('head' in entry)) {
      // The reader takes the ids of a whole `message` for those of the next texts.
      if (entry.json.startsWith('{"event":"message",')) sentHead = undefined;
      return entry.json;
    }
    if (entry.head === sentHead) return JSON.stringify(entry.text);
    sentHead = entry.head;
    return encodeMessage(entry.head, entry.text);
  }
}

/** The log of a turn that another node answers. It has the same frames as the log of that node. */
export interface CopiedLog extends FrameLog {
  /** Adds the events of a part that it does not have. @returns the last new event. @throws Error if events before it are missing. */
  take(part: LogPart): WireEvent | null;
}

const entries = z.array(
  z.union([
    z.string(),
    z.tuple([z.looseObject({ lastId: z.number() })]),
    z.looseObject({ event: z.string() }),
  ]),
);

export function createCopiedLog(maxChars: number): CopiedLog {
  let log = createFrameLog(maxChars);
  let head: MessageHead | undefined;
  return {
    lastId: () => log.lastId(),
    append: (event) => log.append(event),
    appendText: (given, text) => log.appendText(given, text),
    after: (cursor, format) => log.after(cursor, format),
    shrink: () => log.shrink(),
    entriesAfter: (cursor) => log.entriesAfter(cursor),
    dropped: () => log.dropped(),
    take,
  };

  function take({ firstId, lastId, json }: LogPart): WireEvent | null {
    if (lastId <= log.lastId()) return null;
    if (firstId > log.lastId() + 1) throw new Error('Events before these are missing.');
    const given = entries.parse(JSON.parse(json));
    let id = firstId;
    let last: WireEvent | null = null;
    for (const entry of given) {
      if (Array.isArray(entry)) {
        const dropped = entry[0] as unknown as DroppedEvents;
        id = dropped.lastId + 1;
        if (dropped.lastId > log.lastId()) log = createFrameLog(maxChars, dropped);
        continue;
      }
      last = add(entry as string | WireEvent, id) ?? last;
      id += 1;
    }
    return last;
  }

  /** Adds an event, unless the log has it. */
  function add(entry: string | WireEvent, id: number): WireEvent | null {
    const isNew = id > log.lastId();
    if (typeof entry === 'string') {
      if (head === undefined) throw new Error('The message before this text is missing.');
      if (isNew) log.appendText(head, entry);
      return null;
    }
    if (entry.event !== 'message') {
      if (isNew) log.append(entry);
      return isNew ? entry : null;
    }
    head = toMessageHead(envelopeOf(entry));
    if (isNew) log.appendText(head, entry.answer);
    return null;
  }
}
