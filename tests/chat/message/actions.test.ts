import type { Rating } from '../../../src/chat/ports/upstream';
import { ChatError } from '../../../src/chat/errors';
import { createMessageActions } from '../../../src/chat/message/actions';
import { createMessages } from '../../../src/chat/message/list';
import type { Message } from '../../../src/chat/model/message';
import { thrown } from '../support/collect';
import { ada, bob, keeper, message } from '../support/fixtures';
import { createMemoryCharacters } from '../support/memory-characters';

const difys = '8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01';
const ours = 'msg_1735689600000_9f86d081884c7d65';

/** Ada's messages, and a Dify that notes what it is told. */
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
    upstream: {
      rate: (messageId: string, rating: Rating) => tell([messageId, rating], undefined),
      suggestQuestions: (messageId: string, user: string) => tell([messageId, user], ['Why?']),
    },
    messages: createMessages({
      store: { list: () => Promise.reject(new Error('Nobody lists.')) },
      characters: createMemoryCharacters([keeper]),
      exposePrompt: false,
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
  it('tells Dify as the user it knows, then saves, then shows the message', async () => {
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

  it('takes back what was said', async () => {
    const { actions, told, saved } = harness([{ ...answer, feedback: 'dislike' }]);
    await actions.rate(ada, difys, { rating: null, content: undefined });
    expect(told).toHaveLength(1);
    expect(saved()).toMatchObject([{ feedback: null }]);
  });

  it('tells Dify nothing of an answer it has not named', async () => {
    const { actions, told, saved } = harness([{ ...answer, messageId: ours, outcome: 'failed' }]);
    await actions.rate(ada, ours, like);
    expect(told).toEqual([]);
    expect(saved()).toMatchObject([{ feedback: 'like' }]);
  });

  it('changes nothing when Dify cannot be told', async () => {
    const failure = new ChatError('upstream-unreachable');
    const { actions, saved } = harness([answer], failure);
    expect(await thrown(actions.rate(ada, difys, like))).toBe(failure);
    expect(saved()).toEqual([answer]);
  });

  it.each(['completed', 'stopped', 'interrupted', 'failed'] as const)(
    'can be done to one that is %s',
    async (o) => {
      const { actions } = harness([{ ...answer, outcome: o }]);
      expect(await actions.rate(ada, difys, like)).toMatchObject({ feedback: 'like' });
    },
  );
});

describe('markRead', () => {
  it.each(['user', 'assistant', 'tool'] as const)(
    'notes that a message of the role %s was read',
    async (role) => {
      const { actions, told, saved, markedAsRead } = harness([{ ...answer, role }]);
      const reply = await actions.markRead(ada, difys);
      expect(reply.message_status).toBe('read');
      expect(markedAsRead).toEqual([{ ...answer, role, status: 'read' }]);
      expect(await actions.markRead(ada, difys)).toEqual(reply);
      expect(saved()).toEqual([{ ...answer, role, status: 'read' }]);
      expect(told).toEqual([]);
    },
  );

  it('can be done while it is being written', async () => {
    const { actions } = harness([{ ...answer, outcome: 'pending' }]);
    expect(await actions.markRead(ada, difys)).toMatchObject({ message_status: 'read', outcome: 'pending' });
  });

  it('does not find what is deleted in that moment', async () => {
    const { actions, lose } = harness([answer]);
    const marking = actions.markRead(ada, difys);
    lose();
    expect(await thrown(marking)).toMatchObject({ code: 'message-not-found' });
  });
});

describe('suggestQuestions', () => {
  it('are what Dify suggests to the user it knows', async () => {
    const { actions, told } = harness([answer]);
    expect(await actions.suggestQuestions(ada, difys)).toEqual(['Why?']);
    expect(told).toEqual([[difys, 'user-doc-ada']]);
  });

  it('are none for an answer Dify has not named', async () => {
    const { actions, told } = harness([{ ...answer, messageId: ours }]);
    expect(await actions.suggestQuestions(ada, ours)).toEqual([]);
    expect(told).toEqual([]);
  });

  it('cannot be had when Dify fails', async () => {
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
  it('does not find another user’s message, nor one that is not there', async () => {
    const { actions, told, saved } = harness([answer]);
    expect(await thrown(run(actions, bob))).toMatchObject({ code: 'message-not-found' });
    expect(await thrown(run(harness([]).actions, ada))).toMatchObject({ code: 'message-not-found' });
    expect([told, saved()]).toEqual([[], [answer]]);
  });

  if (name === 'markRead') return;

  it.each(['user', 'tool'] as const)('is not for a message of the role %s', async (role) => {
    const { actions, told, saved } = harness([{ ...answer, role }]);
    expect(await thrown(run(actions, ada))).toMatchObject({
      code: 'invalid-request',
      message: 'This message is not an answer: only answers can be rated or have suggested questions.',
    });
    expect([told, saved()]).toEqual([[], [{ ...answer, role }]]);
  });

  it('is not for an answer that is still being written', async () => {
    const { actions, told } = harness([{ ...answer, outcome: 'pending' }]);
    expect(await thrown(run(actions, ada))).toMatchObject({
      code: 'turn-in-progress',
      message: 'This answer is still being written.',
      details: { turn_id: 'turn-1', session_id: 'session-1' },
    });
    expect(told).toEqual([]);
  });
});
