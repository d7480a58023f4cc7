import type { Frame } from '../../../src/chat/stream/sse';
import { createTurnLog, type TurnLog } from '../../../src/chat/stream/live-turns';
import { toSocketFrame, type Outlet } from '../../../src/chat/session/feed';
import { createCondition } from '../../../src/chat/shared/condition';
import { settle } from '../support/collect';
import { createFeedSurroundings } from '../support/feed';
import { ada } from '../support/fixtures';
import { failed as ended, said } from '../support/stream-events';

/** Creates a client that reads unless the test pauses it. */
function reader(): Outlet & { frames: unknown[]; pause(): void; resume(): void } {
  const frames: unknown[] = [];
  const room = createCondition();
  let isPaused = false;
  return {
    frames,
    send: (frame) => void frames.push(JSON.parse(frame)),
    hasRoom: () => !isPaused,
    room: () => room.wait(),
    pause: () => void (isPaused = true),
    resume() {
      isPaused = false;
      room.notify();
    },
  };
}

function harness() {
  const outlet = reader();
  const broken: string[] = [];
  return { ...createFeedSurroundings(outlet, (turnId) => broken.push(turnId)), outlet, broken };
}

function newLog(changes: Partial<Parameters<typeof createTurnLog>[0]> = {}): TurnLog {
  const turn = { turnId: 'turn-1', sessionId: 'session-1', ownerId: ada.id, rateLimit: null, maxChars: 1e6 };
  return createTurnLog({ ...turn, ...changes });
}

describe('toSocketFrame', () => {
  it('returns the event with its sequence number first', () => {
    const frame = toSocketFrame({ id: 3, data: JSON.stringify(said('"}')) });
    expect(JSON.parse(frame)).toEqual({ seq: 3, ...said('"}') });
    expect(frame.startsWith('{"seq":3,"event":"message"')).toBe(true);
  });
});

describe('createSessionFeed', () => {
  it('sends running and new turns, each from its first event', async () => {
    const { live, outlet, open } = harness();
    const [running, beginning] = [newLog(), newLog({ turnId: 'turn-2' })];
    live.add(running);
    running.append(said('a'));
    const feed = open();
    live.add(beginning);
    beginning.append(said('x'));
    running.append(ended);
    beginning.append(ended);
    await feed.idle();
    expect(outlet.frames).toEqual(
      expect.arrayContaining([
        { seq: 1, ...said('a') },
        { seq: 2, ...ended },
        { seq: 1, ...said('x') },
      ]),
    );
    expect(outlet.frames).toHaveLength(4);
  });

  it.each([
    ['another session', { sessionId: 'session-2' }],
    ['another user', { ownerId: 2 }],
  ])('sends nothing of %s', async (_name, changes) => {
    const { live, outlet, open } = harness();
    const [before, after] = [newLog({ ...changes }), newLog({ turnId: 'turn-2', ...changes })];
    live.add(before);
    const feed = open();
    live.add(after);
    for (const log of [before, after]) log.append(ended);
    await settle();
    expect([outlet.frames, feed.count()]).toEqual([[], 0]);
  });

  it('reads nothing from a log while its client does not read', async () => {
    const { live, outlet, open } = harness();
    const log = newLog();
    live.add(log);
    outlet.pause();
    const feed = open();
    for (const text of ['a', 'b', 'c']) log.append(said(text));
    await settle();
    expect(outlet.frames).toEqual([]);
    outlet.resume();
    log.append(ended);
    await feed.idle();
    expect(outlet.frames).toHaveLength(4);
  });

  it('follows a turn only once at the same time', async () => {
    const { live, outlet, open } = harness();
    const log = newLog();
    live.add(log);
    const feed = open();
    log.append(said('a'));
    expect(feed.isFollowing('turn-1')).toBe(true);
    feed.follow('turn-1', (signal) => log.follow(0, signal));
    log.append(ended);
    await feed.idle();
    expect(outlet.frames).toHaveLength(2);
    expect(feed.isFollowing('turn-1')).toBe(false);
    feed.follow('turn-1', (signal) => log.follow(1, signal));
    await feed.idle();
    expect(outlet.frames).toHaveLength(3);
  });

  it('stops following everything when its client disconnects', async () => {
    const { live, events, outlet, gone, open } = harness();
    const log = newLog();
    live.add(log);
    const feed = open();
    await settle();
    gone.abort();
    await feed.idle();
    log.append(said('a'));
    live.add(newLog({ turnId: 'turn-2' }));
    events.publish({ event: 'session_renamed', session_id: 'session-1', title: 'Spring' });
    await settle();
    expect([outlet.frames, feed.count()]).toEqual([[], 0]);
  });

  it('reports a turn that it can no longer follow', async () => {
    const { broken, open } = harness();
    const feed = open();
    // eslint-disable-next-line require-yield -- it throws before it has a frame
    feed.follow('turn-9', async function* (): AsyncGenerator<readonly Frame[], void> {
      throw new Error('Gone.');
    });
    await feed.idle();
    expect(broken).toEqual(['turn-9']);
  });
});
