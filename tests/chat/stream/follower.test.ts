import { Follower, type FollowedLog } from '../../../src/chat/stream/follower';
import type { NumberedFrame as Frame } from '../../../src/chat/stream/sse';
import { collect } from '../support/collect';

const never = new AbortController().signal;

const frame = (id: number): Frame => ({ id, data: `"event ${id}"` });

/** A log whose frames and end are set by the test. It counts how often its last follower has left. */
interface TestLog extends FollowedLog {
  add(): void;
  end(): void;
  timesLeft(): number;
}

function createLog(): TestLog {
  const frames: Frame[] = [];
  const followers = new Set<Follower>();
  let isEnded = false;
  let timesLeft = 0;
  const wakeAll = () => followers.forEach((follower) => follower.wake());
  return {
    followers,
    lastId: () => frames.length,
    after: (cursor) => frames.slice(cursor),
    hasEnded: () => isEnded,
    onAllLeft: () => (timesLeft += 1),
    timesLeft: () => timesLeft,
    add() {
      frames.push(frame(frames.length + 1));
      wakeAll();
    },
    end() {
      isEnded = true;
      wakeAll();
    },
  };
}

describe('a follower that is polled', () => {
  it('returns null while no frame is ready, and calls `onReady` once', () => {
    const log = createLog();
    const follower = new Follower(log, 0, never);
    let calls = 0;
    expect(follower.poll(() => (calls += 1))).toBeNull();
    expect(calls).toBe(0);
    log.add();
    log.add();
    expect(calls).toBe(1);
    expect(follower.poll(() => undefined)).toEqual({ done: false, value: [frame(1), frame(2)] });
  });

  it('returns the frames after its cursor, and then the end', () => {
    const log = createLog();
    for (const _frame of [1, 2, 3]) log.add();
    log.end();
    const follower = new Follower(log, 1, never);
    expect(follower.poll(() => undefined)).toEqual({ done: false, value: [frame(2), frame(3)] });
    expect(follower.poll(() => undefined)).toEqual({ done: true, value: undefined });
    expect([log.followers.size, log.timesLeft()]).toEqual([0, 1]);
  });

  it('calls `onReady` when its signal fires, and then returns the end', () => {
    const log = createLog();
    const leaving = new AbortController();
    const follower = new Follower(log, 0, leaving.signal);
    let calls = 0;
    follower.poll(() => (calls += 1));
    leaving.abort();
    expect(calls).toBe(1);
    log.add();
    expect(follower.poll(() => undefined)).toEqual({ done: true, value: undefined });
    expect([log.followers.size, log.timesLeft()]).toEqual([0, 1]);
  });
});

describe('a follower that is iterated', () => {
  it('yields each batch, and ends after the last one', async () => {
    const log = createLog();
    const batches = collect(new Follower(log, 0, never));
    log.add();
    await Promise.resolve();
    log.end();
    expect((await batches).flat()).toEqual([frame(1)]);
    expect(log.followers.size).toBe(0);
  });

  it('ends a wait for the next batch when it is returned', async () => {
    const log = createLog();
    const follower = new Follower(log, 0, never);
    const next = follower.next();
    expect(await follower.return()).toEqual({ done: true, value: undefined });
    expect(await next).toEqual({ done: true, value: undefined });
    expect(log.followers.size).toBe(0);
  });

  it('tells the log only when the last of several followers leaves', async () => {
    const log = createLog();
    const [one, other] = [new Follower(log, 0, never), new Follower(log, 0, never)];
    await one.return();
    expect(log.timesLeft()).toBe(0);
    await other.return();
    expect(log.timesLeft()).toBe(1);
  });
});
