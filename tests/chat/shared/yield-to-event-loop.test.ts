import { setImmediate as nextIteration } from 'node:timers/promises';

import { yieldToEventLoop } from '../../../src/chat/shared/yield-to-event-loop';

describe('yieldToEventLoop', () => {
  it('gives each caller its own iteration of the event loop', async () => {
    const done: string[] = [];
    for (const name of ['a', 'b', 'c']) void yieldToEventLoop().then(() => done.push(name));
    expect(done).toEqual([]);
    for (let count = 0; count < 10; count += 1) {
      const before = done.length;
      await nextIteration();
      expect(done.length - before).toBeLessThanOrEqual(1);
    }
    expect(done).toEqual(['a', 'b', 'c']);
  });
});
