import type { SessionStore } from '../../../src/chat/ports/session-store';

/** Creates a store without sessions. A test replaces the methods that it needs. */
export function createEmptySessionStore(changes: Partial<SessionStore> = {}): SessionStore {
  const refuse = () => Promise.reject(new Error('Unexpected call.'));
  return {
    create: refuse,
    findLatestOrCreate: refuse,
    list: async () => ({ sessions: [], total: 0 }),
    listWithCharacter: async () => [],
    find: async () => null,
    findChat: async () => null,
    rename: async () => false,
    deleteSession: async () => false,
    restoreSession: async () => false,
    listMessages: async () => [],
    countCurrentMessages: async () => 0,
    listMessagesAfter: async () => [],
    listAnswers: async () => [],
    findMessage: async () => null,
    addMessage: refuse,
    editQuestion: refuse,
    deleteMessage: refuse,
    restoreMessage: async () => false,
    ...changes,
  };
}
