import type { OwnDataStore } from '../../../src/chat/ports/own-data-store';

/** Creates a store without data. A test replaces the methods that it needs. */
export function createEmptyOwnDataStore(changes: Partial<OwnDataStore> = {}): OwnDataStore {
  return {
    listSessionsAfter: async () => [],
    listMessagesAfter: async () => [],
    listTokens: async () => [],
    findLiveTurns: async () => [],
    eraseSome: async () => ({ sessions: 0, messages: 0 }),
    purgeSome: async () => ({ sessions: 0, messages: 0 }),
    ...changes,
  };
}
