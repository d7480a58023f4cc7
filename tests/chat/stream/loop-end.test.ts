import { AsyncLocalStorage } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import { setImmediate as nextIteration } from 'node:timers/promises';

import { ownIteration, readAtLoopEnd, tellAtLoopEnd } from '../../../src/chat/stream/loop-end';

describe('the end of an iteration of the event loop', () => {
  it('comes after all that is done in it', async () => {
    const done: string[] = [];
    readAtLoopEnd(() => done.push('read'));
    await Promise.resolve();
    process.nextTick(() => done.push('tick'));
    done.push('code');
    await nextIteration();
    expect(done).toEqual(['code', 'tick', 'read']);
  });

  it('reads everything before it tells anything, each in the order asked for', async () => {
    const done: string[] = [];
    tellAtLoopEnd(() => done.push('tell 1'));
    readAtLoopEnd(() => done.push('read 1'));
    tellAtLoopEnd(() => done.push('tell 2'));
    readAtLoopEnd(() => done.push('read 2'));
    await nextIteration();
    expect(done).toEqual(['read 1', 'read 2', 'tell 1', 'tell 2']);
  });

  it('tells at once what is told by reading', async () => {
    const done: string[] = [];
    readAtLoopEnd(() => tellAtLoopEnd(() => done.push('told')));
    await nextIteration();
    expect(done).toEqual(['told']);
  });

  it('lets others do something before what is asked for by telling', async () => {
    const done: string[] = [];
    tellAtLoopEnd(() => {
      setImmediate(() => done.push('others'));
      tellAtLoopEnd(() => done.push('again'));
    });
    await nextIteration();
    expect(done).toEqual([]);
    await nextIteration();
    await nextIteration();
    expect(done).toEqual(['others', 'again']);
  });

  it('lets others come in between when there is more to tell than ten milliseconds take', async () => {
    const done: string[] = [];
    const busy = (what: string) => () => {
      done.push(what);
      for (const since = performance.now(); performance.now() - since < 6;);
    };
    for (const what of ['1', '2', '3', '4', '5']) tellAtLoopEnd(busy(what));
    readAtLoopEnd(() => setImmediate(() => done.push('others')));
    while (done.length < 6) await nextIteration();
    // Two of them take more than ten milliseconds; on a busy machine one does.
    expect([1, 2]).toContain(done.indexOf('others'));
    expect(done.filter((what) => what !== 'others')).toEqual(['1', '2', '3', '4', '5']);
  });

  it('is for one alone of those who want it for themselves, in their order', async () => {
    const done: string[] = [];
    const own = ['1', '2', '3'].map((what) => ownIteration().then(() => done.push(what)));
    for (const count of [1, 2, 3]) {
      await nextIteration();
      expect(done).toHaveLength(count);
    }
    await Promise.all(own);
    expect(done).toEqual(['1', '2', '3']);
  });

  it('runs nothing in the async context of whoever came first', async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    context.run('a request', () => readAtLoopEnd(() => seen.push(context.getStore())));
    context.run('another', () => tellAtLoopEnd(() => seen.push(context.getStore())));
    await nextIteration();
    expect(seen).toEqual([undefined, undefined]);
  });

  it('does what is left when a task throws, which is as uncaught as it would be alone', () => {
    const script = `
      const { readAtLoopEnd, tellAtLoopEnd } = require('./src/chat/stream/loop-end.ts');
      process.once('uncaughtException', ({ message }) => {
        console.log(message);
        tellAtLoopEnd(() => console.log('told later'));
      });
      readAtLoopEnd(() => { throw new Error('uncaught'); });
      readAtLoopEnd(() => console.log('read'));
      tellAtLoopEnd(() => console.log('told'));
    `;
    const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '-e', script], {
      encoding: 'utf8',
      // Nothing else would end a loop without an end.
      timeout: 30_000,
      killSignal: 'SIGKILL',
    });
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual(['read', 'told', 'uncaught', 'told later']);
  });
});
