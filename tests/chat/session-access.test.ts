import { createSessionAccess, type SessionStore } from '../../src/chat/session-access';
import type { SessionEvent } from '../../src/chat/session-events';
import { thrown } from './support/collect';
import { ada, message } from './support/fixtures';
import { createMemoryCharacters } from './support/memory-characters';
import { createEmptySessionStore } from './support/memory-session-store';

const session = {
  rowId: 1,
  sessionId: 'session-1',
  title: 'Winter',
  messageCount: 1,
  conversationId: null,
  characterId: null,
  liveTurnId: null,
  lastMessageAt: new Date(),
  createdAt: new Date(),
  updatedAt: new Date(),
};
const question = message({ id: 5, messageId: 'msg-5', role: 'user', turnId: null });
const ids = { session_id: 'session-1', id: 5, message_id: 'msg-5' };
const shown = expect.objectContaining({ message_id: 5, public_id: 'msg-5' });

function harness(changes: Partial<SessionStore>) {
  const published: (SessionEvent | null)[] = [];
  const access = createSessionAccess({
    store: createEmptySessionStore(changes),
    characters: createMemoryCharacters([]),
    turns: { stop: () => Promise.reject(new Error('Nothing runs.')) },
    events: { publish: (event) => void published.push(event) },
    restorableMs: 1_000,
  });
  return { access, published };
}

const whole = harness.bind(null, {
  find: async () => session,
  findMessage: async () => question,
  rename: async () => true,
  deleteSession: async () => true,
  addMessage: async () => question,
  editQuestion: async () => undefined,
  deleteMessage: async () => undefined,
  restoreMessage: async () => true,
});

type Access = ReturnType<typeof createSessionAccess>;

describe.each<[string, (access: Access) => Promise<unknown>, unknown]>([
  [
    'rename',
    (access) => access.rename(ada, 'session-1', 'Spring'),
    { event: 'session_renamed', session_id: 'session-1', title: 'Spring' },
  ],
  [
    'deleteSession',
    (access) => access.deleteSession(ada, 'session-1'),
    { event: 'session_deleted', session_id: 'session-1' },
  ],
  [
    'addMessage',
    (access) => access.addMessage(ada, 'session-1', { role: 'user', content: 'Hi', toolCalls: null }),
    { event: 'message_added', ...ids, message: shown },
  ],
  [
    'editQuestion',
    (access) => access.editQuestion(ada, { id: 5 }, 'Hi'),
    { event: 'message_edited', ...ids, message: shown },
  ],
  ['deleteMessage', (access) => access.deleteMessage(ada, { id: 5 }), { event: 'message_deleted', ...ids }],
  [
    'restoreMessage',
    (access) => access.restoreMessage(ada, { id: 5 }),
    { event: 'message_restored', ...ids, message: shown },
  ],
])('%s', (_name, run, event) => {
  it('is told to the session once it is saved', async () => {
    const { access, published } = whole();
    await run(access);
    expect(published).toEqual([event]);
  });

  it('is told to nobody where there is nothing of the owner’s', async () => {
    const { access, published } = harness({});
    expect(await thrown(run(access))).toMatchObject({ status: 404 });
    expect(published).toEqual([]);
  });
});
