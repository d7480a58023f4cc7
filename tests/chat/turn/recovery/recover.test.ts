import { setTimeout as pause } from 'node:timers/promises';

import { recover } from '../../../../src/chat/turn/recovery/recover';

const whole = { answer: 'whole', messageId: 'dify-message', conversationId: 'dify-conversation' };
const never = new AbortController().signal;

/** Creates a `find` that finds the answer from the n-th call on. */
function foundAt(n: number) {
  let asked = 0;
  return {
    asked: () => asked,
    find: async () => {
      asked += 1;
      return asked >= n ? whole : null;
    },
  };
}

describe('recover', () => {
  it('asks until it finds the answer', async () => {
    const { find, asked } = foundAt(2);
    expect(await recover({ find, recoveryMs: 1_000, signal: never })).toEqual(whole);
    expect(asked()).toBe(2);
  });

  it('gives up after recoveryMs, and does not ask if recoveryMs is too short', async () => {
    const late = foundAt(9);
    expect(await recover({ find: late.find, recoveryMs: 900, signal: never })).toBeNull();
    expect(late.asked()).toBe(2);
    const none = foundAt(1);
    expect(await recover({ find: none.find, recoveryMs: 299, signal: never })).toBeNull();
    expect(none.asked()).toBe(0);
  });

  it('gives up after recoveryMs even if Dify does not reply', async () => {
    const began = performance.now();
    const find = () => new Promise<null>(() => undefined);
    expect(await recover({ find, recoveryMs: 900, signal: never })).toBeNull();
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('accepts a reply that arrives shortly after recoveryMs', async () => {
    const find = async () => {
      await pause(100);
      return whole;
    };
    expect(await recover({ find, recoveryMs: 300, signal: never })).toEqual(whole);
  });

  it('treats a failed call like a missing answer', async () => {
    const find = () => Promise.reject(new Error('away'));
    expect(await recover({ find, recoveryMs: 400, signal: never })).toBeNull();
  });

  it('ends immediately when its signal aborts', async () => {
    const ending = new AbortController();
    const { find, asked } = foundAt(1);
    const recovering = recover({ find, recoveryMs: 60_000, signal: ending.signal });
    ending.abort();
    expect(await recovering).toBeNull();
    expect(asked()).toBe(0);
    expect(await recover({ find, recoveryMs: 60_000, signal: ending.signal })).toBeNull();
  });
});
