import { saveEndedConversation } from '../../../src/chat/turn/save-end';
import type { TurnStore } from '../../../src/chat/ports/turn-store';
import { ending, newTurn, recordingLog } from '../support/fixtures';
import { createMemoryTurnStore } from '../support/memory-turn-store';

/** Saves the conversation `late` of a stopped turn, after a change of the store. */
async function save(
  change: (store: ReturnType<typeof createMemoryTurnStore>) => void,
  failing: Partial<TurnStore> = {},
) {
  const store = createMemoryTurnStore();
  const log = recordingLog();
  const dropped: unknown[] = [];
  await store.open(newTurn());
  await store.close(
    'turn-1',
    ending({ outcome: 'stopped', messageId: undefined, conversationId: undefined }),
  );
  change(store);
  await saveEndedConversation(
    {
      store: { ...store, ...failing },
      log,
      dropConversation: async (conversation) => void dropped.push(conversation),
    },
    { turnId: 'turn-1', user: 'user-1', upstreamId: null },
    'late',
  );
  return { store, log, dropped };
}

describe('saveEndedConversation', () => {
  it('saves it on the lines of the turn and on its session, which continues there', async () => {
    const { store, dropped } = await save(() => undefined);
    const known = { conversationId: 'late' };
    expect(store.turn('turn-1')).toMatchObject([known, known]);
    expect(store.sessions()).toMatchObject([known]);
    expect(dropped).toEqual([]);
  });

  it('lets Dify delete it if the session was deleted', async () => {
    const { dropped } = await save((store) => store.deleteSession('session-1'));
    expect(dropped).toEqual([{ conversationId: 'late', user: 'user-1', upstreamId: null }]);
  });

  it('only logs a warning if the database fails', async () => {
    const { log, dropped } = await save(() => undefined, {
      identify: () => Promise.reject(new Error('away')),
    });
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn Turn turn-1: its conversation in the upstream could not/u),
    ]);
    expect(dropped).toEqual([]);
  });
});
