import { difyFraming, ownFraming, toDifyFrames, type Framing } from '../../../src/chat/stream/framing';
import { EventStream } from '../../../src/chat/stream/event-stream';
import { toWireEvent } from '../../../src/chat/contract/stream-event';
import type { TurnEvent } from '../../../src/chat/model/turn-event';
import type { Frame } from '../../../src/chat/stream/sse';
import { collect, createGate } from '../support/collect';
import { message } from '../support/fixtures';
import { namedEnvelope as envelope } from '../support/stream-events';

const events: readonly TurnEvent[] = [
  { type: 'started' },
  { type: 'delta', text: '你好\n\n' },
  { type: 'ended', outcome: 'completed', saved: [message({ id: 1, role: 'user' }), message({ id: 2 })] },
];

async function* turn(): AsyncGenerator<readonly Frame[], void> {
  for (const [index, event] of events.entries()) {
    const wire = toWireEvent(event, {
      envelope,
      questionMessageId: 'q',
      toReplies: () => [],
      toFile: () => ({ id: 'f', type: 'image', belongs_to: 'assistant', url: '/f' }),
    });
    yield [{ id: index + 1, data: JSON.stringify(wire) }];
  }
}

const textOf = async ({ opening, heartbeat }: Framing, batches: AsyncGenerator<readonly Frame[], void>) =>
  (await collect<string>(new EventStream(batches, { heartbeatEveryMs: 60_000, opening, heartbeat }))).join(
    '',
  );

describe('difyFraming', () => {
  it('sends only lines that begin with `data: `', async () => {
    const text = await textOf(difyFraming, toDifyFrames(turn()));
    const lines = text.split('\n').filter((line) => line !== '');
    expect(
      lines.map((line) => (JSON.parse(line.replace(/^data: /u, '')) as { event: string }).event),
    ).toEqual(['message', 'message', 'message_end']);
    expect(lines.every((line) => line.startsWith('data: {"event":'))).toBe(true);
    expect(text.endsWith('}\n\n')).toBe(true);
  });

  it('shows that it is alive by an event ping without data', async () => {
    const gate = createGate();
    async function* silent(): AsyncGenerator<readonly Frame[], void> {
      await gate.opened;
      yield [];
    }
    const stream = new EventStream(silent(), {
      heartbeatEveryMs: 5,
      opening: '',
      heartbeat: difyFraming.heartbeat,
    });
    for await (const chunk of stream) {
      expect(chunk).toBe('event: ping\n\n');
      gate.open();
      break;
    }
  });

  it('ends the log of a turn when its follower leaves', async () => {
    let isEnded = false;
    async function* watched(): AsyncGenerator<readonly Frame[], void> {
      try {
        yield* turn();
      } finally {
        isEnded = true;
      }
    }
    for await (const _batch of toDifyFrames(watched())) break;
    expect(isEnded).toBe(true);
  });
});

describe('ownFraming', () => {
  it('begins with a comment, and numbers the events', async () => {
    const text = await textOf(ownFraming, turn());
    expect(text.startsWith(': \n\nid: 1\ndata: {"event":"turn_started"')).toBe(true);
  });
});
