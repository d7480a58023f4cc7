import { createCharacterSessions } from '../../../src/chat/session/character-sessions';
import type { SessionEntry } from '../../../src/chat/model/session';
import type { SessionStore } from '../../../src/chat/ports/session-store';
import { thrown } from '../support/collect';
import { ada, keeper, message, pirate } from '../support/fixtures';
import { createMemoryCharacters } from '../support/memory-characters';
import { createEmptySessionStore } from '../support/memory-session-store';

const session: SessionEntry = {
  rowId: 1,
  sessionId: 'session-1',
  title: 'Winter',
  messageCount: 1,
  conversationId: null,
  characterId: keeper.documentId,
  upstreamId: null,
  liveTurnId: null,
  lastMessageAt: new Date(),
  createdAt: new Date(),
  updatedAt: new Date(),
};
const answers = [5, 4, 3, 2, 1].map((id) =>
  message({ id, messageId: `m-${id}`, characterId: keeper.documentId }),
);

function harness(changes: Partial<SessionStore> = {}) {
  return createCharacterSessions({
    store: createEmptySessionStore(changes),
    characters: createMemoryCharacters([keeper, pirate]),
    sessions: {
      findMessage: async () => answers[0] as (typeof answers)[0],
      findMessageIn: async () => answers[2] as (typeof answers)[0],
    },
  });
}
const holding = (found: SessionEntry) => harness({ find: async () => found });

describe('findCharacter', () => {
  it('throws character-not-found for an unknown character', async () => {
    expect(await thrown(harness().findCharacter(ada, 'nobody'))).toMatchObject({
      code: 'character-not-found',
    });
    expect(await harness().findCharacter(ada, keeper.documentId)).toEqual(keeper);
  });
});

describe('find', () => {
  it('returns a session with the character, and one that no character has', async () => {
    expect(await holding(session).find(ada, keeper, 'session-1')).toBe(session);
    const free = { ...session, characterId: null };
    expect(await holding(free).find(ada, pirate, 'session-1')).toBe(free);
  });

  it.each([
    ['an unknown session', null],
    ['a session with another character', { ...session, characterId: pirate.documentId }],
    ['a continued session without a character', { ...session, characterId: null, conversationId: 'c' }],
  ])('throws session-not-found for %s', async (_name, found) => {
    const sessions = harness({ find: async () => found });
    expect(await thrown(sessions.find(ada, keeper, 'x'))).toMatchObject({ code: 'session-not-found' });
  });
});

describe('findMessage', () => {
  it('throws message-not-found for a message of another character', async () => {
    expect(await harness().findMessage(ada, keeper, 'm-5')).toBe(answers[0]);
    expect(await thrown(harness().findMessage(ada, pirate, 'm-5'))).toMatchObject({
      code: 'message-not-found',
    });
  });
});

describe('list', () => {
  it('reads one session more, to know whether a next page exists', async () => {
    const found = [session, { ...session, rowId: 2 }];
    const sessions = harness({ listWithCharacter: async (_owner, { limit }) => found.slice(0, limit) });
    const order = { by: 'createdAt', newestFirst: true } as const;
    const list = (limit: number) => sessions.list(ada, keeper, { lastId: undefined, limit, order });
    expect(await list(1)).toEqual({ items: [session], hasMore: true });
    expect(await list(2)).toEqual({ items: found, hasMore: false });
  });
});

describe('listAnswers', () => {
  const sessions = harness({
    listAnswers: async (_owner, _session, { beforeId, limit }) =>
      answers.filter(({ id }) => beforeId === null || id < beforeId).slice(0, limit),
  });
  const idsOf = async (firstId: string | undefined, limit: number) => {
    const { answers: found, before } = await sessions.listAnswers(ada, session, { firstId, limit });
    return [found.map(({ id }) => id), before?.id ?? null];
  };

  it('returns the newest answers, oldest first, and the one before them', async () => {
    expect(await idsOf(undefined, 2)).toEqual([[4, 5], 3]);
    expect(await idsOf(undefined, 5)).toEqual([[1, 2, 3, 4, 5], null]);
  });

  it('begins before the answer of firstId', async () => {
    expect(await idsOf('m-3', 20)).toEqual([[1, 2], null]);
  });
});

describe('titleOf', () => {
  it('returns the title that the first question gives, or the default one', async () => {
    const first = message({ role: 'user', query: 'How is\nthe sea?' });
    const sessions = harness({ listMessages: async () => [first] });
    expect(await sessions.titleOf(ada, session)).toBe('How is the sea?');
    expect(await harness().titleOf(ada, session)).toBe('新会话');
  });
});
