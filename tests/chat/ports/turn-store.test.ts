import { ada, newTurn } from '../support/fixtures';
import { createMemoryTurnStore } from '../support/memory-turn-store';
import { itKeepsTurns } from '../support/turn-store-contract';

describe('TurnStore in memory', () => {
  itKeepsTurns(createMemoryTurnStore);

  it('does not find a deleted session', async () => {
    const store = createMemoryTurnStore();
    await store.open(newTurn());
    store.deleteSession('session-1');
    expect(await store.findSession(ada, { sessionId: 'session-1' })).toBeNull();
  });
});
