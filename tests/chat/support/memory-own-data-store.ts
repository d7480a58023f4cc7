import type { OwnDataStore } from '../../../src/chat/ports/own-data-store';

/** A store in which nobody has said anything. What a test needs of it beyond that, it says itself. */
export function createEmptyOwnDataStore(changes: Partial<OwnDataStore> = {}): OwnDataStore {
  return {
    listSessionsAfter: async () => [],
    listMessagesAfter: async () => [],
    findLiveTurns: async () => [],
    eraseSome: async () => ({ sessions: 0, messages: 0 }),
    purgeSome: async () => ({ sessions: 0, messages: 0 }),
    ...changes,
  };
}
