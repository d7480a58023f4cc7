import { createCondition } from '../../../src/chat/shared/condition';
import { settle } from '../support/collect';

describe('createCondition', () => {
  it('wakes everyone who waits, and nobody who comes later', async () => {
    const condition = createCondition();
    const woken: string[] = [];
    const wait = (name: string) => void condition.wait().then(() => woken.push(name));
    wait('a');
    wait('b');
    await settle();
    expect(woken).toEqual([]);
    condition.notify();
    wait('c');
    await settle();
    expect(woken).toEqual(['a', 'b']);
    condition.notify();
    await settle();
    expect(woken).toEqual(['a', 'b', 'c']);
  });

  it('does nothing when nobody waits', () => {
    createCondition().notify();
  });
});
