import { ChatError } from '../../../src/chat/errors';
import type { NewTurn, TurnProgress } from '../../../src/chat/model/turn';
import type { TurnStore } from '../../../src/chat/ports/turn-store';
import { thrown } from './collect';
import type { Session } from '../../../src/chat/model/session';
import { ada, bob, ending, newSession, newTurn } from './fixtures';

/** A store, and what happens to its rows behind its back. */
export interface TestedTurnStore extends TurnStore {
  /** As an admin would: the answer's row is gone, the question's stays. */
  deleteAnswer(turnId: string): Promise<void> | void;
  /** As if nobody had said that it is alive for so long. */
  silence(turnId: string, ms: number): Promise<void> | void;
}

/** What every `TurnStore` promises. Whoever has a store to test runs it with a fresh, empty one for each test. */
export function itKeepsTurns(create: () => Promise<TestedTurnStore> | TestedTurnStore): void {
  let store: TestedTurnStore;

  beforeEach(async () => {
    store = await create();
  });

  const progress: TurnProgress = {
    answer: 'Ca',
    taskId: 'dify-task',
    messageId: 'dify-message',
    conversationId: 'dify-conversation',
  };

  async function readSession(): Promise<Session> {
    const session = await store.findSession(ada, { sessionId: 'session-1' });
    if (session === null) throw new Error('The session is gone.');
    return session;
  }

  async function openAgain(changes: Partial<NewTurn>): Promise<void> {
    expect(await store.open(newTurn({ ...secondIds, session: await readSession(), ...changes }))).toBe(true);
  }

  const secondIds = {
    turnId: 'turn-2',
    questionMessageId: 'msg-question-2',
    answerMessageId: 'msg-answer-2',
  };

  const thirdIds = {
    turnId: 'turn-3',
    questionMessageId: 'msg-question-3',
    answerMessageId: 'msg-answer-3',
  };

  it('finds a new session by our id, and by Dify’s once it is known', async () => {
    await store.open(newTurn());
    expect(await store.findSession(ada, { sessionId: 'session-1' })).toMatchObject({
      sessionId: 'session-1',
      conversationId: null,
    });
    expect(await store.findSession(ada, { conversationId: 'dify-conversation' })).toBeNull();
    await store.close('turn-1', ending());
    const both = { sessionId: 'session-1', conversationId: 'dify-conversation' };
    expect(await store.findSession(ada, { conversationId: both.conversationId })).toMatchObject(both);
    expect(await store.findSession(ada, both)).toMatchObject(both);
    expect(await store.findSession(ada, { ...both, conversationId: 'another' })).toBeNull();
  });

  it('finds nobody else’s session', async () => {
    await store.open(newTurn());
    expect(await store.findSession(bob, { sessionId: 'session-1' })).toBeNull();
  });

  it('refuses a second turn in a session until the first has ended, and saves nothing of it', async () => {
    await store.open(newTurn());
    const error = await thrown(openAgain({}));
    expect(error).toBeInstanceOf(ChatError);
    expect(error).toMatchObject({ code: 'turn-in-progress', details: { turn_id: 'turn-1' } });
    expect(await thrown(store.close('turn-2', ending()))).toBeInstanceOf(Error);
    await store.close('turn-1', ending());
    await openAgain({});
  });

  it('opens nothing in a session that has got a conversation since it was read', async () => {
    await store.open(newTurn());
    const read = await readSession();
    await store.close('turn-1', ending());
    expect(await store.open(newTurn({ ...secondIds, session: read }))).toBe(false);
    expect(await store.find(ada, 'turn-2')).toBeNull();
    await openAgain({});
    expect((await store.find(ada, 'turn-2'))?.[1].conversationId).toBe('dify-conversation');
  });

  it('marks what a turn supersedes in its session, from one question on, together with the turn', async () => {
    await store.open(newTurn());
    await store.close('turn-1', ending());
    const [first] = (await store.find(ada, 'turn-1')) ?? [];
    await openAgain({});
    await thrown(openAgain({ ...thirdIds, supersedes: first?.id ?? 0 }));
    const marks = async (turnId: string) =>
      (await store.find(ada, turnId))?.map(({ isSuperseded }) => isSuperseded);
    expect([await marks('turn-1'), await marks('turn-2')]).toEqual([
      [false, false],
      [false, false],
    ]);
    await store.close('turn-2', ending());
    const [second] = (await store.find(ada, 'turn-2')) ?? [];
    await openAgain({ ...thirdIds, supersedes: second?.id ?? 0 });
    expect([await marks('turn-1'), await marks('turn-2'), await marks('turn-3')]).toEqual([
      [false, false],
      [true, true],
      [false, false],
    ]);
  });

  it('lets the sessions of one owner be used side by side', async () => {
    await store.open(newTurn());
    await store.open(newTurn({ ...secondIds, session: newSession('session-2') }));
  });

  it('saves the end in both lines, the answer under Dify’s id', async () => {
    await store.open(newTurn());
    const [question, answer] = await store.close('turn-1', ending({ usage: { total_tokens: 5 } }));
    const both = { query: 'How is the sea?', answer: 'Calm.', turnId: 'turn-1', sessionId: 'session-1' };
    expect(question).toMatchObject({ ...both, role: 'user', messageId: 'msg-question' });
    expect(question).toMatchObject({ conversationId: 'dify-conversation' });
    expect(answer).toMatchObject({
      ...both,
      role: 'assistant',
      messageId: 'dify-message',
      outcome: 'completed',
    });
    expect(answer).toMatchObject({ errorCode: null, usage: { total_tokens: 5 } });
    expect(answer).toMatchObject({ conversationId: 'dify-conversation', parentMessageId: 'msg-question' });
  });

  it('keeps our id for an answer that has none of Dify’s', async () => {
    await store.open(newTurn());
    const [, answer] = await store.close(
      'turn-1',
      ending({ messageId: undefined, conversationId: undefined }),
    );
    expect(answer).toMatchObject({ messageId: 'msg-answer', conversationId: null });
  });

  it('keeps our id for an answer whose id of Dify’s is taken', async () => {
    await store.open(newTurn());
    await store.close('turn-1', ending());
    await openAgain({});
    await store.checkpoint('turn-2', progress);
    const [, answer] = await store.close('turn-2', ending({ answer: 'Rough.' }));
    expect(answer).toMatchObject({ messageId: 'msg-answer-2', answer: 'Rough.', outcome: 'completed' });
  });

  it('counts the first end only', async () => {
    await store.open(newTurn());
    await store.close('turn-1', ending({ outcome: 'interrupted', errorCode: 'upstream-interrupted' }));
    const [, answer] = await store.close('turn-1', ending({ answer: 'Too late.' }));
    expect(answer).toMatchObject({
      outcome: 'interrupted',
      errorCode: 'upstream-interrupted',
      answer: 'Calm.',
    });
  });

  it('leaves the session to the next turn when an earlier one is ended again', async () => {
    await store.open(newTurn());
    await store.close('turn-1', ending());
    await openAgain({});
    await store.close('turn-1', ending());
    expect(await thrown(openAgain({ turnId: 'turn-3' }))).toMatchObject({ code: 'turn-in-progress' });
  });

  it('does nothing with a checkpoint of a turn that has ended', async () => {
    await store.open(newTurn());
    await store.close('turn-1', ending());
    await store.checkpoint('turn-1', { ...progress, answer: 'Too late.' });
    const [, answer] = await store.close('turn-1', ending());
    expect(answer).toMatchObject({ answer: 'Calm.', outcome: 'completed' });
  });

  describe('claimAbandoned', () => {
    const silent = { leaseMs: 60_000, isStart: false };

    beforeEach(async () => {
      await store.open(newTurn());
    });

    it('gives the turns nobody has kept alive, as far as they are saved, and each only once', async () => {
      const createdAt = new Date('2026-01-02T03:04:05.678Z');
      const session = newSession('session-2');
      await store.open(newTurn({ ...secondIds, session, createdAt }));
      await store.checkpoint('turn-2', progress);
      await store.silence('turn-2', 61_000);
      expect(await store.claimAbandoned(silent)).toEqual([
        {
          turnId: 'turn-2',
          ownerDocumentId: ada.documentId,
          query: 'How is the sea?',
          createdAt,
          answer: 'Ca',
          messageId: 'dify-message',
          conversationId: 'dify-conversation',
        },
      ]);
      expect(await store.claimAbandoned(silent)).toEqual([]);
    });

    it('knows no message of Dify’s where none was named', async () => {
      await store.silence('turn-1', 61_000);
      expect(await store.claimAbandoned(silent)).toMatchObject([
        { answer: '', messageId: undefined, conversationId: null },
      ]);
    });

    it('leaves them pending for whoever ends them, and frees their sessions', async () => {
      await store.silence('turn-1', 61_000);
      await store.claimAbandoned(silent);
      expect(await store.find(ada, 'turn-1')).toMatchObject([{}, { outcome: 'pending' }]);
      await openAgain({});
      await store.close('turn-1', ending());
      expect(await store.find(ada, 'turn-1')).toMatchObject([{}, { outcome: 'completed' }]);
      expect(await thrown(openAgain(thirdIds))).toMatchObject({
        code: 'turn-in-progress',
        details: { turn_id: 'turn-2' },
      });
    });

    it('gives them again once nobody keeps them alive after that either', async () => {
      await store.silence('turn-1', 61_000);
      await store.claimAbandoned(silent);
      await openAgain({});
      await store.silence('turn-1', 61_000);
      expect(await store.claimAbandoned(silent)).toMatchObject([{ turnId: 'turn-1' }]);
    });

    it.each([
      ['kept alive', (one: TurnStore) => one.keepAlive(['turn-1', 'unknown'])],
      ['saved', (one: TurnStore) => one.checkpoint('turn-1', progress)],
    ])('leaves a turn be that was %s since', async (_what, live) => {
      await store.silence('turn-1', 61_000);
      await live(store);
      expect(await store.claimAbandoned(silent)).toEqual([]);
    });

    it('asks for no silence where only the dead count', async () => {
      await store.silence('turn-1', 61_000);
      expect(await store.claimAbandoned({ leaseMs: null, isStart: false })).toEqual([]);
    });

    it('frees the session of a turn whose answer is gone', async () => {
      await store.deleteAnswer('turn-1');
      expect(await store.claimAbandoned(silent)).toEqual([]);
      await openAgain({});
    });
  });

  describe('continueIn', () => {
    beforeEach(async () => {
      await store.open(newTurn());
      await store.silence('turn-1', 61_000);
      await store.claimAbandoned({ leaseMs: 60_000, isStart: false });
    });

    it('gives the session of a turn that has let it go its conversation', async () => {
      await store.continueIn('turn-1', 'found');
      expect(await readSession()).toMatchObject({ conversationId: 'found' });
    });

    it('leaves a session be that is being answered, or has a conversation', async () => {
      await openAgain({});
      await store.continueIn('turn-1', 'found');
      expect(await readSession()).toMatchObject({ conversationId: null });
      await store.close('turn-2', ending({ conversationId: 'own' }));
      await store.continueIn('turn-1', 'found');
      expect(await readSession()).toMatchObject({ conversationId: 'own' });
    });
  });

  describe('hasTwin', () => {
    const other = { ...secondIds, session: newSession('session-2') };

    it('knows who asks the same in a new conversation, until Dify has named its message', async () => {
      await store.open(newTurn());
      await store.open(newTurn(other));
      expect(await store.hasTwin('turn-1')).toBe(true);
      await store.checkpoint('turn-2', progress);
      expect(await store.hasTwin('turn-1')).toBe(false);
    });

    it.each([
      ['other words', { query: 'How are you?' }],
      ['another user', { owner: bob }],
    ])('is none with %s', async (_what, changes) => {
      await store.open(newTurn());
      await store.open(newTurn({ ...other, ...changes }));
      expect(await store.hasTwin('turn-1')).toBe(false);
    });

    it('is none in another conversation', async () => {
      await store.open(newTurn());
      await store.close('turn-1', ending());
      await openAgain({});
      await store.open(newTurn({ ...thirdIds, session: newSession('session-3') }));
      expect(await store.hasTwin('turn-3')).toBe(false);
    });

    it('is none once it has ended', async () => {
      await store.open(newTurn());
      await store.open(newTurn(other));
      await store.close('turn-2', ending({ taskId: undefined }));
      expect(await store.hasTwin('turn-1')).toBe(false);
    });
  });

  describe('hasMessage', () => {
    it('knows the messages of everybody by their ids', async () => {
      await store.open(newTurn());
      expect(await store.hasMessage('msg-question')).toBe(true);
      expect(await store.hasMessage('dify-message')).toBe(false);
      await store.close('turn-1', ending());
      expect(await store.hasMessage('dify-message')).toBe(true);
    });
  });

  describe('findSent', () => {
    const idempotency = { key: 'key-1', fingerprint: 'a'.repeat(64) };

    it('finds the turn its owner began with a key, whatever came of it since', async () => {
      await store.open(newTurn({ idempotency }));
      const sent = { turnId: 'turn-1', fingerprint: idempotency.fingerprint };
      expect(await store.findSent(ada, 'key-1')).toEqual(sent);
      await store.close('turn-1', ending());
      expect(await store.findSent(ada, 'key-1')).toEqual(sent);
    });

    it('finds nobody else’s, and no other key', async () => {
      await store.open(newTurn({ idempotency }));
      expect(await store.findSent(bob, 'key-1')).toBeNull();
      expect(await store.findSent(ada, 'KEY-1')).toBeNull();
      expect(await store.findSent(ada, '')).toBeNull();
    });

    it('lets no second turn begin with a key, and saves nothing of it', async () => {
      await store.open(newTurn({ idempotency }));
      const again = newTurn({ ...secondIds, session: newSession('session-2'), idempotency });
      expect(await thrown(store.open(again))).toHaveProperty('message');
      expect(await store.find(ada, 'turn-2')).toBeNull();
      expect(await store.findSession(ada, { sessionId: 'session-2' })).toBeNull();
    });

    it('lets two owners use the same key, and one owner ask without', async () => {
      await store.open(newTurn({ idempotency }));
      await store.open(newTurn({ ...secondIds, session: newSession('session-2'), owner: bob, idempotency }));
      expect(await store.findSent(bob, 'key-1')).toMatchObject({ turnId: 'turn-2' });
      const ids = { turnId: 'turn-3', questionMessageId: 'msg-question-3', answerMessageId: 'msg-answer-3' };
      await store.open(newTurn({ ...ids, session: newSession('session-3') }));
    });
  });

  describe('find', () => {
    it('says which question was asked again', async () => {
      await store.open(newTurn());
      await store.close('turn-1', ending());
      await openAgain({ regenerates: 'msg-question' });
      expect(await store.find(ada, 'turn-2')).toMatchObject([
        { parentMessageId: 'msg-question' },
        { parentMessageId: 'msg-question-2' },
      ]);
    });

    it('gives the question, then the answer, as far as it is saved', async () => {
      await store.open(newTurn());
      expect(await store.find(ada, 'turn-1')).toMatchObject([
        { role: 'user', messageId: 'msg-question', query: 'How is the sea?', answer: '' },
        { role: 'assistant', messageId: 'msg-answer', outcome: 'pending', answer: '', errorCode: null },
      ]);
      await store.checkpoint('turn-1', progress);
      expect(await store.find(ada, 'turn-1')).toMatchObject([
        { messageId: 'msg-question', answer: 'Ca' },
        { messageId: 'dify-message', outcome: 'pending', answer: 'Ca' },
      ]);
    });

    it('gives what the end returned', async () => {
      await store.open(newTurn());
      const saved = await store.close('turn-1', ending({ usage: { total_tokens: 5 } }));
      expect(await store.find(ada, 'turn-1')).toEqual(saved);
    });

    it('tells the turns of one session apart', async () => {
      await store.open(newTurn());
      await store.close('turn-1', ending({ messageId: 'one' }));
      await openAgain({ query: 'And now?' });
      expect(await store.find(ada, 'turn-1')).toMatchObject([{ turnId: 'turn-1' }, { outcome: 'completed' }]);
      expect(await store.find(ada, 'turn-2')).toMatchObject([
        { turnId: 'turn-2', query: 'And now?' },
        { turnId: 'turn-2', outcome: 'pending' },
      ]);
    });

    it('finds nobody else’s turn, and none that does not exist', async () => {
      await store.open(newTurn());
      expect(await store.find(bob, 'turn-1')).toBeNull();
      await store.close('turn-1', ending());
      expect(await store.find(bob, 'turn-1')).toBeNull();
      for (const turnId of ['turn-2', '', "' or 1=1 --"]) expect(await store.find(ada, turnId)).toBeNull();
    });

    it('finds no turn of which the answer is gone', async () => {
      await store.open(newTurn());
      await store.deleteAnswer('turn-1');
      expect(await store.find(ada, 'turn-1')).toBeNull();
    });
  });

  describe('identify', () => {
    it('makes Dify’s conversation known on both lines and the session, while the turn is pending', async () => {
      await store.open(newTurn());
      await store.identify('turn-1', 'dify-conversation');
      const known = { conversationId: 'dify-conversation' };
      expect(await store.find(ada, 'turn-1')).toMatchObject([known, { ...known, outcome: 'pending' }]);
      expect(await store.findSession(ada, known)).toMatchObject({ sessionId: 'session-1', ...known });
      expect(await thrown(openAgain({}))).toMatchObject({ code: 'turn-in-progress' });
    });

    it('is kept by an end that knows no conversation', async () => {
      await store.open(newTurn());
      await store.identify('turn-1', 'dify-conversation');
      const saved = await store.close('turn-1', ending({ conversationId: undefined }));
      const known = { conversationId: 'dify-conversation' };
      expect(saved).toMatchObject([known, known]);
      expect(await store.findSession(ada, known)).toMatchObject({ sessionId: 'session-1' });
    });

    it('changes no other turn, and no session the turn has left', async () => {
      await store.open(newTurn());
      await store.close('turn-1', ending());
      await openAgain({});
      await store.identify('turn-1', 'another');
      expect(await store.findSession(ada, { conversationId: 'another' })).toBeNull();
      expect(await store.findSession(ada, { sessionId: 'session-1' })).toMatchObject({
        conversationId: 'dify-conversation',
      });
      const ofTheSession = { conversationId: 'dify-conversation' };
      expect(await store.find(ada, 'turn-2')).toMatchObject([ofTheSession, ofTheSession]);
    });

    it('does nothing with a turn that does not exist', async () => {
      await store.open(newTurn());
      await store.identify('turn-2', 'dify-conversation');
      expect(await store.findSession(ada, { conversationId: 'dify-conversation' })).toBeNull();
    });
  });

  describe('requestStop', () => {
    it('gives Dify’s task once it is known, and leaves the turn pending', async () => {
      await store.open(newTurn());
      expect(await store.requestStop('turn-1')).toBeNull();
      await store.checkpoint('turn-1', progress);
      expect(await store.requestStop('turn-1')).toBe('dify-task');
      expect(await store.find(ada, 'turn-1')).toMatchObject([{}, { outcome: 'pending', answer: 'Ca' }]);
      expect(await thrown(openAgain({}))).toMatchObject({ code: 'turn-in-progress' });
    });

    it('keeps the task though a later checkpoint does not name it', async () => {
      await store.open(newTurn());
      await store.checkpoint('turn-1', progress);
      await store.checkpoint('turn-1', { ...progress, taskId: undefined });
      expect(await store.requestStop('turn-1')).toBe('dify-task');
    });

    it.each([
      ['completed', null],
      ['interrupted', 'upstream-interrupted'],
      ['failed', 'upstream-failed'],
    ] as const)(
      'makes a stopped turn of one that ends %s, with its text and usage',
      async (outcome, code) => {
        await store.open(newTurn());
        await store.requestStop('turn-1');
        await store.checkpoint('turn-1', progress);
        const usage = { total_tokens: 5 };
        const [, answer] = await store.close('turn-1', ending({ outcome, errorCode: code, usage }));
        expect(answer).toMatchObject({ outcome: 'stopped', errorCode: null, answer: 'Calm.', usage });
        expect(await store.find(ada, 'turn-1')).toMatchObject([{}, { outcome: 'stopped', errorCode: null }]);
        await openAgain({});
      },
    );

    it('stops no turn but that one', async () => {
      await store.open(newTurn());
      await store.open(newTurn({ ...secondIds, session: newSession('session-2') }));
      await store.requestStop('turn-1');
      const [, answer] = await store.close('turn-2', ending());
      expect(answer).toMatchObject({ outcome: 'completed' });
    });

    it('does nothing to a turn that has ended or does not exist', async () => {
      await store.open(newTurn());
      await store.checkpoint('turn-1', progress);
      await store.close('turn-1', ending());
      expect(await store.requestStop('turn-1')).toBeNull();
      expect(await store.requestStop('turn-2')).toBeNull();
      expect(await store.find(ada, 'turn-1')).toMatchObject([{}, { outcome: 'completed' }]);
    });
  });

  describe('a turn of which the pending answer is gone', () => {
    beforeEach(async () => {
      await store.open(newTurn());
      await store.deleteAnswer('turn-1');
    });

    it('cannot be ended, yet frees its session when that is tried', async () => {
      expect(await thrown(store.close('turn-1', ending()))).toBeInstanceOf(Error);
      expect(await store.findSession(ada, { conversationId: 'dify-conversation' })).toMatchObject({
        sessionId: 'session-1',
      });
      await openAgain({});
    });

    it('takes checkpoints, ids and stops without a word', async () => {
      await store.checkpoint('turn-1', progress);
      await store.identify('turn-1', 'dify-conversation');
      await store.keepAlive(['turn-1']);
      expect(await store.requestStop('turn-1')).toBeNull();
      expect(await store.find(ada, 'turn-1')).toBeNull();
    });
  });
}
