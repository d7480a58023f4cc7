import { ChatError } from '../../../src/chat/errors';
import { createSessionAccess } from '../../../src/chat/session/access';
import type { SessionStore } from '../../../src/chat/ports/session-store';
import type { Sent } from '../../../src/chat/turn/send';
import type { SessionEvent } from '../../../src/chat/session/events';
import type { Turns } from '../../../src/chat/turn/turns';
import { thrown } from '../support/collect';
import { ada, keeper, message } from '../support/fixtures';
import { createMemoryCharacters } from '../support/memory-characters';
import { createEmptySessionStore } from '../support/memory-session-store';

const session = {
  rowId: 1,
  sessionId: 'session-1',
  title: 'Winter',
  messageCount: 1,
  conversationId: null,
  upstreamId: null,
  characterId: 'character-keeper',
  liveTurnId: null,
  lastMessageAt: new Date(),
  createdAt: new Date(),
  updatedAt: new Date(),
};
const question = message({ id: 5, messageId: 'msg-5', role: 'user', turnId: null });
const ids = { session_id: 'session-1', id: 5, message_id: 'msg-5' };
const superseded = expect.objectContaining({ message_id: 5, content: question.query, is_superseded: true });
const shown = expect.objectContaining({ message_id: 5, public_id: 'msg-5' });

const sent: Sent = {
  turnId: 'turn-9',
  isReplay: false,
  wasTakenBack: async () => false,
  rateLimit: null,
  follow: () => noEvents(),
  awaitEnd: async () => null,
};

async function* noEvents(): AsyncGenerator<never, void> {}

function harness(changes: Partial<SessionStore>, send: Turns['send'] = async () => sent) {
  const published: (SessionEvent | null)[] = [];
  const access = createSessionAccess({
    store: createEmptySessionStore(changes),
    characters: createMemoryCharacters([keeper]),
    turns: { stop: () => Promise.reject(new Error('No turn is running.')), send },
    events: { publish: (event) => void published.push(event) },
    restorableMs: 1_000,
    onMessageAdded: () => undefined,
    onErased: () => undefined,
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
  [
    'reviseQuestion',
    (access) => access.reviseQuestion(ada, { id: 5 }, { content: 'Hi', idempotencyKey: undefined }),
    { event: 'message_superseded', ...ids, message: superseded, turn_id: 'turn-9' },
  ],
  ['deleteMessage', (access) => access.deleteMessage(ada, { id: 5 }), { event: 'message_deleted', ...ids }],
  [
    'restoreMessage',
    (access) => access.restoreMessage(ada, { id: 5 }),
    { event: 'message_restored', ...ids, message: shown },
  ],
])('%s', (_name, run, event) => {
  it('publishes its event to the session after saving', async () => {
    const { access, published } = whole();
    await run(access);
    expect(published).toEqual([event]);
  });

  it('publishes nothing and throws a 404 if the owner has no such entry', async () => {
    const { access, published } = harness({});
    expect(await thrown(run(access))).toMatchObject({ status: 404 });
    expect(published).toEqual([]);
  });
});

describe('create', () => {
  const wish = { sessionId: 'session-1', title: 'Winter', character: undefined };

  it('returns the session that the owner already has under the id', async () => {
    const { access } = harness({ find: async () => session });
    expect(await access.create(ada, wish)).toBe(session);
  });

  it('returns the session that a concurrent call has created', async () => {
    const found = [null, session];
    const { access } = harness({ find: async () => found.shift() ?? null, create: async () => null });
    expect(await access.create(ada, wish)).toBe(session);
  });

  it('refuses an id that another user or a deleted session has', async () => {
    const { access } = harness({ create: async () => null });
    expect(await thrown(access.create(ada, wish))).toMatchObject({
      code: 'invalid-request',
      message: 'This session_id is in use. Choose another one.',
    });
  });
});

describe('toReplies', () => {
  it('names the character of each session', async () => {
    const { access } = harness({});
    const deleted = { ...session, characterId: 'character-deleted' };
    const replies = await access.toReplies(ada, [session, { ...session, characterId: null }, deleted]);
    expect(replies.map(({ ai_character }) => ai_character)).toEqual([
      { id: keeper.id, documentId: keeper.documentId, name: keeper.name },
      null,
      null,
    ]);
    expect(await access.toReply(ada, session)).toEqual(replies[0]);
  });
});

describe('deleteSession', () => {
  it('also stops a turn that begins during the deletion', async () => {
    const stopped: string[] = [];
    let live: string | null = null;
    const access = createSessionAccess({
      store: createEmptySessionStore({
        find: async () => ({ ...session, liveTurnId: live }),
        async deleteSession(_owner, _sessionId, _at, liveTurnId) {
          if (liveTurnId === 'turn-2') return true;
          live = 'turn-2';
          return false;
        },
      }),
      characters: createMemoryCharacters([]),
      turns: {
        stop: async (_owner, turnId) => stopped.push(turnId) as never,
        send: () => Promise.reject(new Error()),
      },
      events: { publish: () => undefined },
      restorableMs: 1_000,
      onMessageAdded: () => undefined,
      onErased: () => undefined,
    });
    await access.deleteSession(ada, 'session-1');
    expect(stopped).toEqual(['turn-2']);
  });
});

describe('reviseQuestion', () => {
  const store = { find: async () => session, findMessage: async () => question };
  const revision = { content: 'In other words?', idempotencyKey: 'key-1' };

  it('sends the new question to the session’s character, and supersedes from the old question on', async () => {
    const asked: unknown[] = [];
    const { access } = harness(store, async (...request: unknown[]) => {
      asked.push(request);
      return sent;
    });
    expect(await access.reviseQuestion(ada, { id: 5 }, revision)).toBe(sent);
    expect(asked).toEqual([
      [
        {
          owner: ada,
          characterId: 'character-keeper',
          query: 'In other words?',
          files: [],
          session: { sessionId: 'session-1' },
          inputs: {},
          regenerates: 'msg-5',
          supersedes: 5,
        },
        'key-1',
      ],
    ]);
  });

  it('publishes nothing for a rejected or a replayed revision', async () => {
    const refused = harness(store, () => Promise.reject(new ChatError('turn-in-progress')));
    expect(await thrown(refused.access.reviseQuestion(ada, { id: 5 }, revision))).toMatchObject({
      code: 'turn-in-progress',
    });
    const replayed = harness(store, async () => ({ ...sent, isReplay: true }));
    await replayed.access.reviseQuestion(ada, { id: 5 }, revision);
    expect([refused.published, replayed.published]).toEqual([[], []]);
  });

  it.each<[string, Partial<SessionStore>, string]>([
    ['an answer', { findMessage: async () => message() }, 'invalid-request'],
    ['a message without a session', { find: async () => null }, 'session-not-found'],
    [
      'a session without a character',
      { find: async () => ({ ...session, characterId: null }) },
      'invalid-request',
    ],
  ])('sends no question for %s', async (_what, changes, code) => {
    const { access } = harness({ ...store, ...changes }, () => Promise.reject(new Error('Unexpected call.')));
    expect(await thrown(access.reviseQuestion(ada, { id: 5 }, revision))).toMatchObject({ code });
  });
});
