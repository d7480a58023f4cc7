import type { SessionStore } from '../../../src/chat/ports/session-store';

/** A store nobody has made a session in. What a test needs of it beyond that, it says itself. */
export function createEmptySessionStore(changes: Partial<SessionStore> = {}): SessionStore {
  const refuse = () => Promise.reject(new Error('Nobody expected this.'));
  return {
    create: refuse,
    findLatestOrCreate: refuse,
    list: async () => ({ sessions: [], total: 0 }),
    find: async () => null,
    rename: async () => false,
    deleteSession: async () => false,
    restoreSession: async () => false,
    listMessages: async () => [],
    countCurrentMessages: async () => 0,
    listMessagesAfter: async () => [],
    findMessage: async () => null,
    addMessage: refuse,
    editQuestion: refuse,
    deleteMessage: refuse,
    restoreMessage: async () => false,
    ...changes,
  };
}
