import { setImmediate as nextIteration } from 'node:timers/promises';

import { createYield } from '../../../src/chat/shared/yield-to-event-loop';

describe('createYield', () => {
  it.each([1, 2, 3])(
    'lets at most %i callers continue in an iteration, in their order',
    async (perIteration) => {
      const yieldToEventLoop = createYield(perIteration);
      const done: string[] = [];
      for (const name of ['a', 'b', 'c', 'd']) void yieldToEventLoop().then(() => done.push(name));
      expect(done).toEqual([]);
      let iterations = 0;
      for (let before = -1; done.length < 4; iterations += 1) {
        before = done.length;
        await nextIteration();
        expect(done.length - before).toBeLessThanOrEqual(perIteration);
      }
      expect(done).toEqual(['a', 'b', 'c', 'd']);
      expect(iterations).toBeGreaterThanOrEqual(Math.ceil(4 / perIteration));
    },
  );

  it('lets a caller continue that comes while others wait', async () => {
    const yieldToEventLoop = createYield(1);
    const done: string[] = [];
    void yieldToEventLoop().then(async () => {
      done.push('a');
      await yieldToEventLoop();
      done.push('again');
    });
    void yieldToEventLoop().then(() => done.push('b'));
    while (done.length < 3) await nextIteration();
    expect(done).toEqual(['a', 'b', 'again']);
  });
});
