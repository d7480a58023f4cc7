import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

import { createFairQueue, type FairQueueOptions } from '../../../src/chat/shared/fair-queue';

const refuse = () => new Error('full');
const create = (options: Partial<FairQueueOptions>) =>
  createFairQueue({ total: Infinity, each: Infinity, waitingEach: Infinity, refuse, ...options });

/** Creates guests of the queue. `inside` records who was admitted. */
function createGuests(queue: ReturnType<typeof createFairQueue>) {
  const inside: string[] = [];
  const releases = new Map<string, () => void>();
  return {
    inside,
    enter: (name: string, key: number, signal?: AbortSignal) =>
      queue.enter(key, signal).then((release) => {
        inside.push(name);
        releases.set(name, release);
      }),
    async leave(name: string) {
      releases.get(name)?.();
      // The next guest is admitted in one iteration, and continues in another.
      await yieldToEventLoop();
      await yieldToEventLoop();
    },
  };
}

describe('createFairQueue', () => {
  it('announces the places of waiting callers when they have changed', async () => {
    const queue = create({ total: 1 });
    const places: string[] = [];
    const enter = (name: string, key: number, signal?: AbortSignal) =>
      queue.enter(key, signal, (place) => places.push(`${name} ${place}`));
    const announced = () => {
      queue.announcePlaces();
      return places.splice(0);
    };
    const release = queue.tryEnter(1);
    const leaving = new AbortController();
    const [a2, a3, b1] = [enter('a2', 1), enter('a3', 1), enter('b1', 2, leaving.signal)];
    expect(announced()).toEqual(['a2 1', 'b1 2', 'a3 3']);
    expect(announced()).toEqual([]);
    leaving.abort(new Error('left'));
    await expect(b1).rejects.toThrow('left');
    expect(announced()).toEqual(['a3 2']);
    release?.();
    const releaseSecond = await a2;
    expect(announced()).toEqual(['a3 1']);
    releaseSecond();
    (await a3)();
  });

  it('gives a place to a caller who does not want to wait only if one is free', () => {
    const queue = create({ total: 1 });
    const release = queue.tryEnter(1);
    expect(release).not.toBeNull();
    expect(queue.tryEnter(2)).toBeNull();
    release?.();
    expect(queue.tryEnter(2)).not.toBeNull();
  });

  it('admits up to the total limit of all keys, and the next one when one leaves', async () => {
    const { enter, leave, inside } = createGuests(create({ total: 2 }));
    await Promise.all([enter('a', 1), enter('b', 2)]);
    const [third, fourth] = [enter('c', 3), enter('d', 4)];
    await yieldToEventLoop();
    expect(inside).toEqual(['a', 'b']);
    await leave('b');
    await third;
    expect(inside).toEqual(['a', 'b', 'c']);
    await leave('a');
    await fourth;
  });

  it('serves the keys in turn, however many callers each of them has', async () => {
    const { enter, leave, inside } = createGuests(create({ total: 1 }));
    await enter('a1', 1);
    const waiting = [enter('a2', 1), enter('a3', 1), enter('a4', 1), enter('b1', 2), enter('c1', 3)];
    for (const name of ['a1', 'b1', 'c1', 'a2', 'a3']) await leave(name);
    await Promise.all(waiting);
    expect(inside).toEqual(['a1', 'b1', 'c1', 'a2', 'a3', 'a4']);
  });

  it('limits each key, and admits other keys meanwhile', async () => {
    const { enter, leave, inside } = createGuests(create({ total: 3, each: 1 }));
    await enter('a1', 1);
    const second = enter('a2', 1);
    await enter('b1', 2);
    expect(inside).toEqual(['a1', 'b1']);
    await leave('a1');
    await second;
    expect(inside).toEqual(['a1', 'b1', 'a2']);
  });

  it('rejects a caller over the waiting limit of its key', async () => {
    const queue = create({ each: 1, waitingEach: 1 });
    const { enter, leave } = createGuests(queue);
    await enter('a1', 1);
    const waiting = enter('a2', 1);
    await expect(enter('a3', 1)).rejects.toThrow('full');
    await leave('a1');
    await waiting;
    await leave('a2');
    await enter('a4', 1);
  });

  it('removes a waiting caller that leaves, and rejects a caller that has already left', async () => {
    const { enter, leave, inside } = createGuests(create({ total: 1 }));
    await enter('a', 1);
    const controller = new AbortController();
    const gone = enter('b', 2, controller.signal);
    const next = enter('c', 3);
    controller.abort(new Error('left'));
    await expect(gone).rejects.toThrow('left');
    await expect(enter('d', 4, controller.signal)).rejects.toThrow('left');
    await leave('a');
    await next;
    expect(inside).toEqual(['a', 'c']);
  });

  it('frees a place only once', async () => {
    const queue = create({ total: 1 });
    const release = await queue.enter(1);
    release();
    release();
    await queue.enter(1);
    const controller = new AbortController();
    const second = queue.enter(1, controller.signal);
    await yieldToEventLoop();
    controller.abort(new Error('left'));
    await expect(second).rejects.toThrow('left');
  });
});
