import { oneUpstream, silentUpstream } from '../support/one-upstream';
import type { Rating } from '../../../src/chat/ports/upstream';
import { ChatError } from '../../../src/chat/errors';
import { createMessageActions } from '../../../src/chat/message/actions';
import { createMessages } from '../../../src/chat/message/list';
import type { Message } from '../../../src/chat/model/message';
import { thrown } from '../support/collect';
import { ada, bob, keeper, links, message } from '../support/fixtures';
import { createMemoryCharacters } from '../support/memory-characters';

const difys = '8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01';
const ours = 'msg_1735689600000_9f86d081884c7d65';

/** Creates the actions with messages of Ada and a fake Dify. `told` records the calls to Dify. */
function harness(all: readonly Message[], failure?: ChatError) {
  let messages = all;
  const told: unknown[] = [];
  const markedAsRead: unknown[] = [];
  const store = {
    find: async (owner: { id: number }, messageId: string) =>
      messages.find((one) => owner.id === ada.id && one.messageId === messageId) ?? null,
    mark: async (owner: { id: number }, id: number, marks: Partial<Message>) => {
      messages = messages.map((one) => (one.id === id && owner.id === ada.id ? { ...one, ...marks } : one));
      return messages.find((one) => one.id === id) ?? null;
    },
  };
  const tell = async <T>(what: unknown, reply: T): Promise<T> => {
    told.push(what);
    if (failure !== undefined) throw failure;
    return reply;
  };
  const actions = createMessageActions({
    store,
    upstreams: oneUpstream({
      ...silentUpstream,
      rate: (messageId: string, rating: Rating) => tell([messageId, rating], undefined),
      suggestQuestions: (messageId: string, user: string) => tell([messageId, user], ['Why?']),
    }),
    characters: createMemoryCharacters([keeper]),
    messages: createMessages({
      store: { list: () => Promise.reject(new Error('Unexpected call.')) },
      characters: createMemoryCharacters([keeper]),
      exposePrompt: false,
      fileLinks: links,
    }),
    onRead: (message) => void markedAsRead.push(message),
  });
  return {
    actions,
    told,
    markedAsRead,
    saved: () => messages,
    lose: () => {
      messages = [];
    },
  };
}

const answer = message({ id: 2, messageId: difys });
const like = { rating: 'like', content: 'Good.' } as const;

describe('rate', () => {
  it('sends the rating to Dify as the upstream user, saves it, and returns the message', async () => {
    const { actions, told, saved } = harness([answer]);
    const reply = await actions.rate(ada, difys, like);
    expect(told).toEqual([[difys, { user: 'user-doc-ada', ...like }]]);
    expect(saved()).toEqual([{ ...answer, feedback: 'like' }]);
    expect(reply).toMatchObject({
      message_id: difys,
      feedback: 'like',
      ai_character: { name: 'The keeper' },
    });
    expect(reply.ai_character).not.toHaveProperty('prompt');
  });

  it('removes a rating', async () => {
    const { actions, told, saved } = harness([{ ...answer, feedback: 'dislike' }]);
    await actions.rate(ada, difys, { rating: null, content: undefined });
    expect(told).toHaveLength(1);
    expect(saved()).toMatchObject([{ feedback: null }]);
  });

  it('does not call Dify for an answer without a Dify id', async () => {
    const { actions, told, saved } = harness([{ ...answer, messageId: ours, outcome: 'failed' }]);
    await actions.rate(ada, ours, like);
    expect(told).toEqual([]);
    expect(saved()).toMatchObject([{ feedback: 'like' }]);
  });

  it('saves nothing if the call to Dify fails', async () => {
    const failure = new ChatError('upstream-unreachable');
    const { actions, saved } = harness([answer], failure);
    expect(await thrown(actions.rate(ada, difys, like))).toBe(failure);
    expect(saved()).toEqual([answer]);
  });

  describe('if the upstream refuses its key', () => {
    const refused = new ChatError('upstream-misconfigured');

    it('rates only here an answer of an upstream that the character has left', async () => {
      const former = { ...answer, upstreamId: 'dify:key-0123456789abcdef' };
      const { actions, told } = harness([former], refused);
      expect(await actions.rate(ada, difys, like)).toMatchObject({ feedback: 'like' });
      expect(await actions.suggestQuestions(ada, difys)).toEqual([]);
      expect(told).toHaveLength(2);
    });

    it('rates only here an answer of a character that is unpublished', async () => {
      const { actions } = harness([{ ...answer, characterId: 'unpublished' }], refused);
      expect(await actions.rate(ada, difys, like)).toMatchObject({ feedback: 'like' });
    });

    it('saves nothing for an answer of the upstream that still answers for the character', async () => {
      const { actions, saved } = harness([answer], refused);
      expect(await thrown(actions.rate(ada, difys, like))).toBe(refused);
      expect(await thrown(actions.suggestQuestions(ada, difys))).toBe(refused);
      expect(saved()).toEqual([answer]);
    });
  });

  it('saves nothing if an upstream that the character has left cannot be reached', async () => {
    const failure = new ChatError('upstream-unreachable');
    const { actions } = harness([{ ...answer, upstreamId: 'openai' }], failure);
    expect(await thrown(actions.rate(ada, difys, like))).toBe(failure);
  });

  it.each(['completed', 'stopped', 'interrupted', 'failed'] as const)(
    'accepts an answer with the outcome %s',
    async (o) => {
      const { actions } = harness([{ ...answer, outcome: o }]);
      expect(await actions.rate(ada, difys, like)).toMatchObject({ feedback: 'like' });
    },
  );
});

describe('markRead', () => {
  it.each(['user', 'assistant', 'tool'] as const)('marks a message of the role %s as read', async (role) => {
    const { actions, told, saved, markedAsRead } = harness([{ ...answer, role }]);
    const reply = await actions.markRead(ada, difys);
    expect(reply.message_status).toBe('read');
    expect(markedAsRead).toEqual([{ ...answer, role, status: 'read' }]);
    expect(await actions.markRead(ada, difys)).toEqual(reply);
    expect(saved()).toEqual([{ ...answer, role, status: 'read' }]);
    expect(told).toEqual([]);
  });

  it('marks an answer that is still being written', async () => {
    const { actions } = harness([{ ...answer, outcome: 'pending' }]);
    expect(await actions.markRead(ada, difys)).toMatchObject({ message_status: 'read', outcome: 'pending' });
  });

  it('throws message-not-found for a message that is deleted meanwhile', async () => {
    const { actions, lose } = harness([answer]);
    const marking = actions.markRead(ada, difys);
    lose();
    expect(await thrown(marking)).toMatchObject({ code: 'message-not-found' });
  });
});

describe('suggestQuestions', () => {
  it('returns the suggestions of Dify for the upstream user', async () => {
    const { actions, told } = harness([answer]);
    expect(await actions.suggestQuestions(ada, difys)).toEqual(['Why?']);
    expect(told).toEqual([[difys, 'user-doc-ada']]);
  });

  it('returns none for an answer without a Dify id', async () => {
    const { actions, told } = harness([{ ...answer, messageId: ours }]);
    expect(await actions.suggestQuestions(ada, ours)).toEqual([]);
    expect(told).toEqual([]);
  });

  it('throws the error of Dify', async () => {
    const failure = new ChatError('upstream-failed');
    expect(await thrown(harness([answer], failure).actions.suggestQuestions(ada, difys))).toBe(failure);
  });
});

type Actions = ReturnType<typeof createMessageActions>;

describe.each<[string, (actions: Actions, owner: typeof ada) => Promise<unknown>]>([
  ['rate', (actions, owner) => actions.rate(owner, difys, like)],
  ['suggestQuestions', (actions, owner) => actions.suggestQuestions(owner, difys)],
  ['markRead', (actions, owner) => actions.markRead(owner, difys)],
])('%s', (name, run) => {
  it('throws message-not-found for another user’s message and for an unknown message', async () => {
    const { actions, told, saved } = harness([answer]);
    expect(await thrown(run(actions, bob))).toMatchObject({ code: 'message-not-found' });
    expect(await thrown(run(harness([]).actions, ada))).toMatchObject({ code: 'message-not-found' });
    expect([told, saved()]).toEqual([[], [answer]]);
  });

  if (name === 'markRead') return;

  it.each(['user', 'tool'] as const)('rejects a message of the role %s', async (role) => {
    const { actions, told, saved } = harness([{ ...answer, role }]);
    expect(await thrown(run(actions, ada))).toMatchObject({
      code: 'invalid-request',
      message: 'This message is not an answer: only answers can be rated or have suggested questions.',
    });
    expect([told, saved()]).toEqual([[], [{ ...answer, role }]]);
  });

  it('rejects an answer that is still being written', async () => {
    const { actions, told } = harness([{ ...answer, outcome: 'pending' }]);
    expect(await thrown(run(actions, ada))).toMatchObject({
      code: 'turn-in-progress',
      message: 'This answer is still being written.',
      details: { turn_id: 'turn-1', session_id: 'session-1' },
    });
    expect(told).toEqual([]);
  });
});
