import { createCondition } from '../../../src/chat/shared/condition';
import { settle } from '../support/collect';

describe('createCondition', () => {
  it('wakes all current waiters, and no later ones', async () => {
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

  it('does nothing without waiters', () => {
    createCondition().notify();
  });
});
