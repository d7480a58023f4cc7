import { AsyncLocalStorage } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import { setImmediate as nextIteration } from 'node:timers/promises';

import { atLoopEnd } from '../../../src/chat/stream/loop-end';

describe('atLoopEnd', () => {
  it('runs a task after all other code of the event loop iteration', async () => {
    const done: string[] = [];
    atLoopEnd(() => done.push('task'));
    await Promise.resolve();
    process.nextTick(() => done.push('tick'));
    done.push('code');
    await nextIteration();
    expect(done).toEqual(['code', 'tick', 'task']);
  });

  it('runs all tasks together in order, including tasks that they add', async () => {
    const done: string[] = [];
    atLoopEnd(() => {
      done.push('read 1');
      atLoopEnd(() => done.push('send 1'));
    });
    atLoopEnd(() => {
      done.push('read 2');
      void Promise.resolve().then(() => done.push('promise'));
    });
    await nextIteration();
    expect(done).toEqual(['read 1', 'read 2', 'send 1', 'promise']);
    atLoopEnd(() => done.push('next'));
    await nextIteration();
    expect(done.at(-1)).toBe('next');
  });

  it('runs a task outside the async context of the request that added it', async () => {
    const storage = new AsyncLocalStorage<string>();
    let seen: unknown = 'nothing';
    storage.run('a request', () => atLoopEnd(() => (seen = storage.getStore())));
    await nextIteration();
    expect(seen).toBeUndefined();
  });

  it('turns the error of a task into an uncaught exception, and runs the others', () => {
    const script = `
      const { atLoopEnd } = require('./src/chat/stream/loop-end.ts');
      process.once('uncaughtException', ({ message }) => {
        console.log(message);
        atLoopEnd(() => console.log('later'));
      });
      atLoopEnd(() => { throw new Error('uncaught'); });
      atLoopEnd(() => console.log('other'));
    `;
    const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '-e', script], {
      encoding: 'utf8',
      timeout: 30_000,
      killSignal: 'SIGKILL',
    });
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual(['other', 'uncaught', 'later']);
  });
});
