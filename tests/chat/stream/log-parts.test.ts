import fc from 'fast-check';

import type { WireEvent } from '../../../src/chat/contract/stream-event';
import type { LogPart } from '../../../src/chat/ports/nodes/live-events';
import { createFrameLog, type FrameLog } from '../../../src/chat/stream/frame-log';
import { createCopiedLog, createSharedLog } from '../../../src/chat/stream/log-parts';
import { toMessageHead } from '../../../src/chat/stream/message-head';
import { envelope, failed, namedEnvelope } from '../support/stream-events';

const started: WireEvent = { event: 'turn_started', ...envelope, question_message_id: 'msg-0' };
const heads = [toMessageHead(envelope), toMessageHead(namedEnvelope)] as const;

type Step = { readonly text: string; readonly head: 0 | 1 } | { readonly replace: string } | 'share';

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ text: fc.string({ unit: 'binary' }), head: fc.constantFrom(0, 1) }) },
  { weight: 1, arbitrary: fc.record({ replace: fc.string() }) },
  { weight: 2, arbitrary: fc.constant('share' as const) },
) as fc.Arbitrary<Step>;

/** Makes a log by steps, and the parts that its node has shared meanwhile. */
function share(maxChars: number, steps: readonly Step[]) {
  const log = createFrameLog(maxChars);
  const shared = createSharedLog(log);
  const parts: LogPart[] = [];
  const next = () => {
    const part = shared.next();
    if (part !== null) parts.push(part);
  };
  // The upstream names its ids once.
  let newest: 0 | 1 = 0;
  log.append(started);
  for (const one of steps) {
    if (one === 'share') next();
    else if ('replace' in one) {
      log.append({ event: 'message_replace', ...heads[newest].envelope, answer: one.replace });
    } else {
      if (one.head === 1) newest = 1;
      log.appendText(heads[newest], one.text);
    }
  }
  next();
  log.append(failed);
  next();
  return { log, shared, parts };
}

function copyOf(maxChars: number, parts: readonly LogPart[]): FrameLog {
  const copy = createCopiedLog(maxChars);
  for (const part of parts) copy.take(part);
  return copy;
}

function framesOf(log: FrameLog, cursor: number, format: 'full' | 'compact') {
  const all = [...log.after(cursor, format)];
  for (;;) {
    const batch = log.after(all.at(-1)?.id ?? cursor, format);
    if (batch.length === 0) return all;
    all.push(...batch);
  }
}

describe('a log that is copied to another node', () => {
  it.each(['full', 'compact'] as const)('has the same %s frames after each event', (format) => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.constantFrom(1_000, 4_000, 1_000_000),
        (steps, maxChars) => {
          const { log, parts } = share(maxChars, steps);
          const copy = copyOf(maxChars, parts);
          for (let cursor = 0; cursor <= log.lastId(); cursor += 1) {
            expect(framesOf(copy, cursor, format)).toEqual(framesOf(log, cursor, format));
          }
        },
      ),
    );
  });

  it('has the same frames if it begins with the events that the other log still has', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(1_000, 4_000), (steps, maxChars) => {
        const { log, shared } = share(maxChars, steps);
        const whole = shared.all();
        const copy = copyOf(maxChars, whole === null ? [] : [whole]);
        for (let cursor = 0; cursor <= log.lastId(); cursor += 1) {
          expect(framesOf(copy, cursor, 'full')).toEqual(framesOf(log, cursor, 'full'));
        }
      }),
    );
  });

  it('ignores events that it has already', () => {
    const { log, shared, parts } = share(1_000_000, [
      { text: 'Hel', head: 0 },
      'share',
      { text: 'lo', head: 0 },
    ]);
    const whole = shared.all() as LogPart;
    expect(framesOf(copyOf(1_000_000, [parts[0] as LogPart, whole, ...parts, whole]), 0, 'full')).toEqual(
      framesOf(log, 0, 'full'),
    );
  });

  it('refuses events without those before them', () => {
    const { parts } = share(1_000_000, [{ text: 'Hel', head: 0 }, 'share', { text: 'lo', head: 0 }]);
    expect(() => copyOf(1_000_000, parts.slice(1))).toThrow('Events before these are missing.');
  });

  it('sends the ids of a message once, and then its text only', () => {
    const { parts } = share(1_000_000, [
      { text: 'a', head: 0 },
      'share',
      { text: 'b', head: 0 },
      { text: 'c', head: 0 },
      'share',
    ]);
    expect(parts[1]).toEqual({ firstId: 3, lastId: 4, json: '["b","c"]' });
  });
});
