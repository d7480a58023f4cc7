import fc from 'fast-check';

import { createFrameLog, type FrameLog } from '../../../src/chat/stream/frame-log';
import type { NumberedFrame as Frame } from '../../../src/chat/stream/sse';
import { toMessageHead } from '../../../src/chat/stream/message-head';
import type { WireEvent } from '../../../src/chat/contract/stream-event';
import { shownText } from '../support/harness';
import { envelope, failed, namedEnvelope, said } from '../support/stream-events';

const started: WireEvent = { event: 'turn_started', ...envelope, question_message_id: 'msg-0' };
const replaced = (answer: string): WireEvent => ({ event: 'message_replace', ...envelope, answer });

/** The length of one short event as JSON. */
const oneFrame = JSON.stringify(said('x')).length;

function logOf(maxChars: number, ...events: readonly WireEvent[]): FrameLog {
  const log = createFrameLog(maxChars);
  for (const event of events) {
    // Turns append text in this way, too.
    if (event.event === 'message') log.appendText(toMessageHead(envelope), event.answer);
    else log.append(event);
  }
  return log;
}

function readAll(log: FrameLog, cursor = 0, format: 'full' | 'compact' = 'full'): Frame[] {
  const all: Frame[] = [];
  for (;;) {
    const batch = log.after(all.at(-1)?.id ?? cursor, format);
    if (batch.length === 0) return all;
    all.push(...batch);
  }
}

const toEvent = ({ data }: Frame) => JSON.parse(data) as WireEvent;
const pieces = (count: number) => Array.from({ length: count }, (_, index) => said(`${index} `));

describe('createFrameLog', () => {
  it('keeps every frame within its limit', () => {
    const events = [started, ...pieces(50), failed];
    const log = logOf(1_000_000, ...events);
    expect(readAll(log)).toEqual(
      events.map((event, index) => ({ id: index + 1, data: JSON.stringify(event) })),
    );
    expect([log.lastId(), log.after(52), log.after(51)]).toEqual([
      52,
      [],
      [{ id: 52, data: JSON.stringify(failed) }],
    ]);
  });

  it('replaces the dropped frames with one message_replace of the text so far', () => {
    const events = [started, ...pieces(50)];
    const frames = readAll(logOf(10 * oneFrame, ...events));
    const [first, summary, ...rest] = frames.map(toEvent);
    const goneId = frames[1]?.id ?? 0;
    expect(first).toEqual(started);
    expect(summary).toEqual(replaced(shownText(events.slice(0, goneId))));
    expect(rest).toEqual(events.slice(goneId));
    expect(frames.slice(1).map(({ id }) => id)).toEqual(
      Array.from({ length: 52 - goneId }, (_, index) => goneId + index),
    );
    expect(rest.length).toBeGreaterThanOrEqual(6);
    expect(rest.length).toBeLessThanOrEqual(10);
  });

  it('returns turn_started only to a follower without events', () => {
    const log = logOf(10 * oneFrame, started, ...pieces(50));
    expect(
      readAll(log, 0)
        .map((frame) => toEvent(frame).event)
        .slice(0, 2),
    ).toEqual(['turn_started', 'message_replace']);
    expect(
      readAll(log, 1)
        .map((frame) => toEvent(frame).event)
        .slice(0, 2),
    ).toEqual(['message_replace', 'message']);
  });

  it('keeps the ids and texts of the frames that it does not drop', () => {
    const log = createFrameLog(10 * oneFrame);
    const seen = new Map<number, string>();
    for (const event of [started, ...pieces(100), failed]) {
      log.append(event);
      for (const { id, data } of log.after(log.lastId() - 1)) seen.set(id, data);
    }
    const [, , ...kept] = readAll(log);
    for (const { id, data } of kept) expect(data).toBe(seen.get(id));
  });

  it('returns the same text to every follower from any position at any time', () => {
    const change = fc.oneof(
      { weight: 9, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }).map(said) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }).map(replaced) },
    );
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 60 }),
        fc.integer({ min: 1, max: 20 * oneFrame }),
        fc.array(fc.nat({ max: 60 }), { maxLength: 5 }),
        (changes, maxChars, pauses) => {
          const events = [started, ...changes, failed];
          const log = createFrameLog(maxChars);
          const followers = pauses.map((pause) => ({ pause, seen: [] as Frame[] }));
          for (const [index, event] of events.entries()) {
            log.append(event);
            // Each follower reads at its own interval, one batch at a time.
            for (const { pause, seen } of followers)
              if (index % (pause + 1) === 0) seen.push(...log.after(seen.at(-1)?.id ?? 0));
          }
          for (const { seen } of followers) {
            const all = [...seen, ...readAll(log, seen.at(-1)?.id ?? 0)];
            expect(shownText(all.map(toEvent))).toBe(shownText(events));
            expect(all.map(toEvent).at(0)).toEqual(started);
            expect(all.map(toEvent).at(-1)).toEqual(failed);
            expect(all.map(({ id }) => id)).toEqual(
              [...new Set(all.map(({ id }) => id))].sort((a, b) => a - b),
            );
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keeps the newest frame, however long, and drops nothing for the terminal frame', () => {
    const long = said('x'.repeat(100 * oneFrame));
    expect(readAll(logOf(10 * oneFrame, started, said('a'), long)).map(toEvent)).toEqual([
      started,
      replaced('a'),
      long,
    ]);
    const end = { ...failed, message: 'x'.repeat(100 * oneFrame) };
    expect(readAll(logOf(10 * oneFrame, started, said('a'), end)).map(toEvent)).toEqual([
      started,
      said('a'),
      end,
    ]);
  });

  it('returns batches with a limited number of events and characters', () => {
    const short = logOf(10_000_000, started, ...pieces(1_000));
    expect(short.after(0).length).toBeLessThanOrEqual(256);
    expect(charsOf(short.after(0))).toBeLessThanOrEqual(16_384);
    const long = logOf(10_000_000, ...Array.from({ length: 5 }, () => said('x'.repeat(10_000))));
    expect(long.after(0)).toHaveLength(1);
    const longest = logOf(10_000_000, said('x'.repeat(100_000)), said('y'));
    expect(longest.after(0)).toHaveLength(1);
  });

  it('shrinks to the newest frame and the text before it', () => {
    const events = [started, ...pieces(50), failed];
    const log = logOf(1_000_000, ...events);
    log.shrink();
    expect(readAll(log).map(toEvent)).toEqual([started, replaced(shownText(events)), failed]);
    expect(readAll(log, 51)).toEqual([{ id: 52, data: JSON.stringify(failed) }]);
    log.shrink();
    expect(readAll(log, 52)).toEqual([]);
  });

  it('adds no message_replace if it drops only the start', () => {
    const log = logOf(1_000_000, started, failed);
    log.shrink();
    expect(readAll(log).map(toEvent)).toEqual([started, failed]);
  });
});

function charsOf(frames: readonly Frame[]): number {
  return frames.reduce((sum, { data }) => sum + data.length, 0);
}

describe('the compact frames of a log', () => {
  const named = toMessageHead(namedEnvelope);
  const ids = { conversation_id: 'c', message_id: 'm' };

  function namedAfterTwo(maxChars: number): FrameLog {
    const log = logOf(maxChars, started, said('one '));
    log.appendText(named, 'two ');
    log.appendText(toMessageHead(namedEnvelope), 'three ');
    log.append({ event: 'message_replace', ...namedEnvelope, answer: 'four ' });
    log.appendText(named, 'five');
    log.append(failed);
    return log;
  }

  it('have the ids where they change, and at the end', () => {
    const { task_id: _, ...compactStart } = started;
    const { code, status, message, outcome } = failed as Extract<WireEvent, { event: 'error' }>;
    expect(readAll(namedAfterTwo(1_000_000), 0, 'compact').map(({ data }) => JSON.parse(data))).toEqual([
      compactStart,
      { event: 'message', answer: 'one ' },
      { event: 'message', ...ids, answer: 'two ' },
      { event: 'message', answer: 'three ' },
      { event: 'message_replace', answer: 'four ' },
      { event: 'message', answer: 'five' },
      { event: 'error', conversation_id: null, message_id: 'msg-1', code, status, message, outcome },
    ]);
  });

  it('have the numbers of the full frames, and are the same after every one', () => {
    const log = namedAfterTwo(1_000_000);
    const whole = readAll(log, 0, 'compact');
    expect(whole.map(({ id }) => id)).toEqual(readAll(log).map(({ id }) => id));
    for (const [cursor] of whole.entries())
      expect(readAll(log, cursor, 'compact')).toEqual(whole.slice(cursor));
  });

  it('have the ids in the message_replace for dropped frames', () => {
    const log = namedAfterTwo(1_000_000);
    log.shrink();
    expect(readAll(log, 2, 'compact').map(({ data }) => JSON.parse(data) as unknown)[0]).toEqual({
      event: 'message_replace',
      ...ids,
      answer: 'four five',
    });
  });

  it('do not change the full frames', () => {
    const log = namedAfterTwo(1_000_000);
    const full = readAll(log);
    readAll(log, 0, 'compact');
    expect(readAll(log)).toEqual(full);
    expect(full[2]?.data).toBe(JSON.stringify({ ...said('two '), ...ids, id: 'm' }));
  });
});
