import { createGroupCommit } from '../../../src/database/sql/group-commit';
import { createGate } from '../../chat/support/collect';

describe('createGroupCommit', () => {
  it('batches items of the same moment, and puts items that arrive during a write into the next batch', async () => {
    const groups: (readonly number[])[] = [];
    const gate = createGate();
    const commit = createGroupCommit<number, number>(async (items) => {
      groups.push(items);
      await gate.opened;
      return items.map((item) => item * 10);
    }, 100);
    const first = [1, 2].map(commit);
    await new Promise(setImmediate);
    expect(groups).toEqual([[1, 2]]);
    const second = [3, 4].map(commit);
    gate.open();
    expect(await Promise.all([...first, ...second])).toEqual([10, 20, 30, 40]);
    expect(groups).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('settles an item only when its own batch is written', async () => {
    const gate = createGate();
    const written: number[] = [];
    const commit = createGroupCommit<number, void>(async () => {
      await gate.opened;
      return [];
    }, 100);
    const settled = commit(1).then(() => written.push(1));
    await new Promise(setImmediate);
    expect(written).toEqual([]);
    gate.open();
    await settled;
    expect(written).toEqual([1]);
  });

  it('starts the next batch soon, even if one is stuck', async () => {
    const gate = createGate();
    const commit = createGroupCommit<number, number>(async (items) => {
      if (items.includes(1)) await gate.opened;
      return items;
    }, 100);
    const stuck = commit(1);
    await new Promise(setImmediate);
    expect(await Promise.all([2, 3].map(commit))).toEqual([2, 3]);
    gate.open();
    expect(await stuck).toBe(1);
  });

  it('limits the batch size, and yields to the event loop between two batches', async () => {
    const order: unknown[] = [];
    const commit = createGroupCommit<number, number>(async (items) => {
      order.push(items.length);
      setImmediate(() => order.push('others'));
      return items;
    }, 100);
    await Promise.all(Array.from({ length: 250 }, (_, index) => commit(index)));
    expect(order).toEqual([100, 'others', 100, 'others', 50]);
  });

  it('writes each item alone if a batch fails, and rejects only the items that fail', async () => {
    const written: number[] = [];
    const commit = createGroupCommit<number, number>(async (items) => {
      if (items.includes(2)) throw new Error('not 2');
      written.push(...items);
      return items;
    }, 100);
    const results = await Promise.allSettled([1, 2, 3].map(commit));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(written).toEqual([1, 3]);
    await commit(4);
    expect(written).toEqual([1, 3, 4]);
  });
});
