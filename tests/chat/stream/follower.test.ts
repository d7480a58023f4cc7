import { createFollower, done, type Waiter } from '../../../src/chat/stream/follower';

/** A follower of a list that grows. */
function following(items: string[] = []) {
  const waiters = new Set<Waiter>();
  const controller = new AbortController();
  let isEnded = false;
  let joined = 0;
  let left = 0;
  const follower = createFollower<string>({
    take() {
      const item = items.shift();
      if (item !== undefined) return { done: false, value: item };
      return isEnded ? done : null;
    },
    signal: controller.signal,
    onJoin(waiter) {
      joined += 1;
      waiters.add(waiter);
    },
    onLeave(waiter) {
      left += 1;
      waiters.delete(waiter);
    },
  });
  const wake = () => waiters.forEach((waiter) => waiter.wake());
  return {
    follower,
    controller,
    counts: () => [joined, left],
    add(item: string) {
      items.push(item);
      wake();
    },
    end() {
      isEnded = true;
      wake();
    },
  };
}

describe('a follower', () => {
  it('takes what is there, waits for what is not, and ends', async () => {
    const { follower, add, end, counts } = following(['a']);
    expect(await follower.next()).toEqual({ done: false, value: 'a' });
    const next = follower.next();
    add('b');
    expect(await next).toEqual({ done: false, value: 'b' });
    const last = follower.next();
    end();
    expect(await last).toEqual(done);
    expect(await follower.next()).toEqual(done);
    expect(counts()).toEqual([1, 1]);
  });

  it('joins nothing before something is asked for', () => {
    expect(following(['a']).counts()).toEqual([0, 0]);
  });

  it('waits on when it is woken for nothing', async () => {
    const { follower, add, counts } = following();
    const next = follower.next();
    add('a');
    expect(await next).toEqual({ done: false, value: 'a' });
    expect(counts()).toEqual([1, 0]);
  });

  it('ends when its signal fires, whether it waits or not', async () => {
    const waiting = following();
    const next = waiting.follower.next();
    waiting.controller.abort();
    expect(await next).toEqual(done);
    const reading = following(['a', 'b']);
    await reading.follower.next();
    reading.controller.abort();
    expect(await reading.follower.next()).toEqual(done);
    expect([waiting.counts(), reading.counts()]).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it('lets go of whoever waits when it is returned from', async () => {
    const { follower, counts } = following();
    const next = follower.next();
    await follower.return();
    expect(await next).toEqual(done);
    expect(counts()).toEqual([1, 1]);
  });

  it('can be left in a loop', async () => {
    const { follower, counts } = following(['a', 'b']);
    for await (const item of follower) {
      expect(item).toBe('a');
      break;
    }
    expect(counts()).toEqual([1, 1]);
  });

  it('can be read without a promise, and tells once when to ask again', () => {
    const { follower, add, end, counts } = following(['a']);
    let readies = 0;
    const poll = () => follower.poll(() => (readies += 1));
    expect(poll()).toEqual({ done: false, value: 'a' });
    expect(poll()).toBeNull();
    add('b');
    add('c');
    expect(readies).toBe(1);
    expect([poll(), poll()]).toEqual([
      { done: false, value: 'b' },
      { done: false, value: 'c' },
    ]);
    expect(poll()).toBeNull();
    end();
    expect(readies).toBe(2);
    expect([poll(), poll()]).toEqual([done, done]);
    expect(counts()).toEqual([1, 1]);
  });

  it('tells whoever polls of its signal, and joins nothing for long when that has fired before', () => {
    const waiting = following();
    let isReady = false;
    expect(waiting.follower.poll(() => (isReady = true))).toBeNull();
    waiting.controller.abort();
    expect(isReady).toBe(true);
    expect(waiting.follower.poll(() => undefined)).toEqual(done);
    const late = following(['a']);
    late.controller.abort();
    expect(late.follower.poll(() => undefined)).toEqual(done);
    expect([waiting.counts(), late.counts()]).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });
});
