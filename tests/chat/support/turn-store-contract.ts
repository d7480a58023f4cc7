import { ChatError } from '../../../src/chat/errors';
import type { Checkpoint, NewTurn } from '../../../src/chat/model/turn';
import type { TurnStore } from '../../../src/chat/ports/turn-store';
import { thrown } from './collect';
import type { Session } from '../../../src/chat/model/session';
import { ada, bob, ending, newSession, newTurn } from './fixtures';

/** A store with additional methods that change its rows from outside. */
export interface TestedTurnStore extends TurnStore {
  /** Deletes the row of the answer, as an admin would. The row of the question stays. */
  deleteAnswer(turnId: string): Promise<void> | void;
  /** Moves the last keep-alive of the turn this number of milliseconds into the past. */
  silence(turnId: string, ms: number): Promise<void> | void;
}

/** Tests the contract of every `TurnStore`. @param create returns a new, empty store for each test. */
export function itKeepsTurns(create: () => Promise<TestedTurnStore> | TestedTurnStore): void {
  let store: TestedTurnStore;

  beforeEach(async () => {
    store = await create();
  });

  const progress: Checkpoint = {
    answer: 'Ca',
    taskId: 'dify-task',
    messageId: 'dify-message',
    conversationId: 'dify-conversation',
    lastEventId: 2,
    isTakenBack: false,
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

  it('finds a new session by its session id, and by its conversation id once that is known', async () => {
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

  it('finds a session by the name of its chat, and by its ids in the same place', async () => {
    await store.open(newTurn({ session: newSession('session-1', 'my chat') }));
    await store.close('turn-1', ending());

    for (const chatId of ['my chat', 'session-1', 'dify-conversation'])
      expect(await store.findSession(ada, { chatId })).toMatchObject({ sessionId: 'session-1' });
    expect(await store.findSession(ada, { sessionId: 'my chat' })).toBeNull();
    expect(await store.findSession(bob, { chatId: 'my chat' })).toBeNull();
  });

  it('opens one session for each name of a user', async () => {
    const named = (session: string) => ({ session: newSession(session, 'my chat') });
    const opened = await Promise.all([
      store.open(newTurn(named('session-1'))),
      store.open(newTurn({ ...secondIds, ...named('session-2') })),
    ]);

    expect(opened.sort()).toEqual([false, true]);
    expect(await store.open(newTurn({ ...thirdIds, ...named('session-3'), owner: bob }))).toBe(true);
  });

  it('does not find another user’s session', async () => {
    await store.open(newTurn());
    expect(await store.findSession(bob, { sessionId: 'session-1' })).toBeNull();
  });

  it('rejects a second turn in a session until the first has ended, and saves nothing of it', async () => {
    await store.open(newTurn());
    const error = await thrown(openAgain({}));
    expect(error).toBeInstanceOf(ChatError);
    expect(error).toMatchObject({ code: 'turn-in-progress', details: { turn_id: 'turn-1' } });
    expect(await thrown(store.close('turn-2', ending()))).toBeInstanceOf(Error);
    await store.close('turn-1', ending());
    await openAgain({});
  });

  it('does not open a turn if its session has got a conversation since it was read', async () => {
    await store.open(newTurn());
    const read = await readSession();
    await store.close('turn-1', ending());
    expect(await store.open(newTurn({ ...secondIds, session: read }))).toBe(false);
    expect(await store.find(ada, 'turn-2')).toBeNull();
    await openAgain({});
    expect((await store.find(ada, 'turn-2'))?.[1].conversationId).toBe('dify-conversation');
  });

  it('marks the messages that a turn supersedes, from one question on, when it opens the turn', async () => {
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

  describe('a repeat', () => {
    const marks = async (...turnIds: readonly string[]) =>
      Promise.all(turnIds.map(async (id) => (await store.find(ada, id))?.map((line) => line.isSuperseded)));
    const [inUse, replaced] = [
      [false, false],
      [true, true],
    ];
    const without = { outcome: 'failed', errorCode: 'upstream-interrupted', answer: '' } as const;

    /** Opens a turn, edits its question, and repeats that. */
    async function openRepeat(): Promise<void> {
      await store.open(newTurn());
      await store.close('turn-1', ending());
      const [first] = (await store.find(ada, 'turn-1')) ?? [];
      await openAgain({ supersedes: first?.id ?? 0 });
      await store.close('turn-2', ending({ messageId: 'dify-message-2' }));
      await openAgain({ ...thirdIds, supersedes: first?.id ?? 0, isRepeat: true });
    }

    it.each(['failed', 'interrupted', 'stopped'] as const)(
      'that ends as %s without a text gives its place back, to the lines that it has superseded',
      async (outcome) => {
        await openRepeat();
        expect(await marks('turn-1', 'turn-2', 'turn-3')).toEqual([replaced, replaced, inUse]);
        const saved = await store.close('turn-3', ending({ ...without, outcome, messageId: undefined }));
        expect(saved.map((line) => line.isSuperseded)).toEqual(replaced);
        expect(await marks('turn-1', 'turn-2', 'turn-3')).toEqual([replaced, inUse, replaced]);
      },
    );

    it('that ends with a text keeps its place', async () => {
      await openRepeat();
      await store.close('turn-3', ending({ ...without, answer: 'Ca', messageId: undefined }));
      expect(await marks('turn-1', 'turn-2', 'turn-3')).toEqual([replaced, replaced, inUse]);
    });

    it('that ends twice gives its place back once', async () => {
      await openRepeat();
      await store.close('turn-3', ending({ ...without, answer: 'Ca', messageId: undefined }));
      await store.close('turn-3', ending({ ...without, messageId: undefined }));
      expect(await marks('turn-1', 'turn-2', 'turn-3')).toEqual([replaced, replaced, inUse]);
    });

    it('that superseded nothing stays in use without a text', async () => {
      await store.open(newTurn({ isRepeat: true }));
      await store.close('turn-1', ending({ ...without, messageId: undefined }));
      expect(await marks('turn-1')).toEqual([inUse]);
    });
  });

  it('lets an edited question keep its place without a text', async () => {
    await store.open(newTurn());
    await store.close('turn-1', ending());
    const [first] = (await store.find(ada, 'turn-1')) ?? [];
    await openAgain({ supersedes: first?.id ?? 0 });
    const failed = { outcome: 'failed', errorCode: 'upstream-interrupted', answer: '' } as const;
    await store.close('turn-2', ending({ ...failed, messageId: undefined }));
    expect((await store.find(ada, 'turn-1'))?.[0].isSuperseded).toBe(true);
    expect((await store.find(ada, 'turn-2'))?.[0].isSuperseded).toBe(false);
  });

  it("finds the id of the owner's message only", async () => {
    await store.open(newTurn());
    const [question] = (await store.find(ada, 'turn-1')) ?? [];
    expect(await store.findMessageId(ada, 'msg-question')).toBe(question?.id);
    expect(await store.findMessageId(bob, 'msg-question')).toBeNull();
    expect(await store.findMessageId(ada, 'unknown')).toBeNull();
  });

  it('opens turns in several sessions of one owner at the same time', async () => {
    await store.open(newTurn());
    await store.open(newTurn({ ...secondIds, session: newSession('session-2') }));
  });

  it('saves the end in both messages, and the answer under its Dify id', async () => {
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

  it('keeps its own id for an answer without a Dify id', async () => {
    await store.open(newTurn());
    const [, answer] = await store.close(
      'turn-1',
      ending({ messageId: undefined, conversationId: undefined }),
    );
    expect(answer).toMatchObject({ messageId: 'msg-answer', conversationId: null });
  });

  it('keeps its own id for an answer whose Dify id is taken', async () => {
    await store.open(newTurn());
    await store.close('turn-1', ending());
    await openAgain({});
    await store.checkpoint('turn-2', progress);
    const [, answer] = await store.close('turn-2', ending({ answer: 'Rough.' }));
    expect(answer).toMatchObject({ messageId: 'msg-answer-2', answer: 'Rough.', outcome: 'completed' });
  });

  it('keeps only the first end of a turn', async () => {
    await store.open(newTurn());
    await store.close('turn-1', ending({ outcome: 'interrupted', errorCode: 'upstream-interrupted' }));
    const [, answer] = await store.close('turn-1', ending({ answer: 'Too late.' }));
    expect(answer).toMatchObject({
      outcome: 'interrupted',
      errorCode: 'upstream-interrupted',
      answer: 'Calm.',
    });
  });

  it('does not free the session of the next turn when an earlier turn is closed again', async () => {
    await store.open(newTurn());
    await store.close('turn-1', ending());
    await openAgain({});
    await store.close('turn-1', ending());
    expect(await thrown(openAgain({ turnId: 'turn-3' }))).toMatchObject({ code: 'turn-in-progress' });
  });

  it('saves the id of the last event with the text, and that of the terminal event with the end', async () => {
    const lastEventId = async () => (await store.find(ada, 'turn-1'))?.[1].lastEventId;
    await store.open(newTurn());
    expect(await lastEventId()).toBeNull();
    await store.checkpoint('turn-1', { ...progress, lastEventId: 7 });
    expect(await lastEventId()).toBe(7);
    await store.close('turn-1', ending({ lastEventId: 999_999_999 }));
    expect(await lastEventId()).toBe(999_999_999);
  });

  it('ignores a checkpoint of a turn that has ended', async () => {
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

    it('returns each turn that was not kept alive once, with its saved progress', async () => {
      const createdAt = new Date('2026-01-02T03:04:05.678Z');
      const session = newSession('session-2');
      await store.open(newTurn({ ...secondIds, session, createdAt }));
      await store.checkpoint('turn-2', progress);
      await store.silence('turn-2', 61_000);
      expect(await store.claimAbandoned(silent)).toEqual([
        {
          turnId: 'turn-2',
          ownerDocumentId: ada.documentId,
          upstreamId: 'dify',
          query: 'How is the sea?',
          createdAt,
          answer: 'Ca',
          messageId: 'dify-message',
          conversationId: 'dify-conversation',
          takeovers: 1,
        },
      ]);
      expect(await store.claimAbandoned(silent)).toEqual([]);
    });

    it('returns no message id for a turn without a Dify id', async () => {
      await store.silence('turn-1', 61_000);
      expect(await store.claimAbandoned(silent)).toMatchObject([
        { answer: '', messageId: undefined, conversationId: null },
      ]);
    });

    it('leaves a turn whose text was taken back as such, although its new process has not read it', async () => {
      await store.checkpoint('turn-1', { ...progress, isTakenBack: true });
      await store.silence('turn-1', 61_000);
      await store.claimAbandoned(silent);
      expect((await store.find(ada, 'turn-1'))?.[1].isTakenBack).toBe(true);
      const [, answer] = await store.close('turn-1', ending({ isTakenBack: false }), 1);
      expect(answer).toMatchObject({ outcome: 'completed', isTakenBack: true });
    });

    it('leaves the turns pending, and frees their sessions', async () => {
      await store.silence('turn-1', 61_000);
      await store.claimAbandoned(silent);
      expect(await store.find(ada, 'turn-1')).toMatchObject([{}, { outcome: 'pending' }]);
      await openAgain({});
      await store.close('turn-1', ending(), 1);
      expect(await store.find(ada, 'turn-1')).toMatchObject([{}, { outcome: 'completed' }]);
      expect(await thrown(openAgain(thirdIds))).toMatchObject({
        code: 'turn-in-progress',
        details: { turn_id: 'turn-2' },
      });
    });

    it('returns a turn again if it is not kept alive after that', async () => {
      await store.silence('turn-1', 61_000);
      await store.claimAbandoned(silent);
      await openAgain({});
      await store.silence('turn-1', 61_000);
      expect(await store.claimAbandoned(silent)).toMatchObject([{ turnId: 'turn-1' }]);
    });

    it('lets a process that was paused write nothing to a turn that another one has taken over', async () => {
      await store.checkpoint('turn-1', progress);
      expect(await store.isTakenOver('turn-1')).toBe(false);
      await store.silence('turn-1', 61_000);
      await store.claimAbandoned(silent);
      expect(await store.isTakenOver('turn-1')).toBe(true);
      expect(await store.checkpoint('turn-1', { ...progress, answer: 'Calm' })).toBe(true);
      expect(await store.close('turn-1', ending({ answer: 'Calm.' }))).toMatchObject([
        {},
        { outcome: 'pending', answer: 'Ca' },
      ]);
      await store.close('turn-1', ending({ answer: 'Calm today.' }), 1);
      expect(await store.close('turn-1', ending({ answer: 'Calm.' }))).toMatchObject([
        {},
        { outcome: 'completed', answer: 'Calm today.' },
      ]);
    });

    it('lets only the latest taker keep a turn alive and end it', async () => {
      await store.silence('turn-1', 61_000);
      await store.claimAbandoned(silent);
      await store.silence('turn-1', 61_000);
      expect(await store.keepAlive(['turn-1'])).toEqual(['turn-1']);
      expect(await store.claimAbandoned(silent)).toMatchObject([{ turnId: 'turn-1', takeovers: 2 }]);
      await store.close('turn-1', ending(), 1);
      expect(await store.find(ada, 'turn-1')).toMatchObject([{}, { outcome: 'pending' }]);
      await store.silence('turn-1', 61_000);
      expect(await store.keepAlive([], ['turn-1'])).toEqual([]);
      expect(await store.claimAbandoned(silent)).toEqual([]);
    });

    it.each([
      ['kept alive', (one: TurnStore) => one.keepAlive(['turn-1', 'unknown'])],
      ['saved', (one: TurnStore) => one.checkpoint('turn-1', progress)],
    ])('does not return a turn that was %s since', async (_what, live) => {
      await store.silence('turn-1', 61_000);
      await live(store);
      expect(await store.claimAbandoned(silent)).toEqual([]);
    });

    it('does not return a silent turn without a lease', async () => {
      await store.silence('turn-1', 61_000);
      expect(await store.claimAbandoned({ leaseMs: null, isStart: false })).toEqual([]);
    });

    it('frees the session of a turn whose answer is deleted', async () => {
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

    it('saves the conversation in the session that a turn has freed', async () => {
      await store.continueIn('turn-1', 'found');
      expect(await readSession()).toMatchObject({ conversationId: 'found' });
    });

    it('does not change a session with a running turn or with a conversation', async () => {
      await openAgain({});
      await store.continueIn('turn-1', 'found');
      expect(await readSession()).toMatchObject({ conversationId: null });
      await store.close('turn-2', ending({ conversationId: 'own' }));
      await store.continueIn('turn-1', 'found');
      expect(await readSession()).toMatchObject({ conversationId: 'own' });
    });
  });

  describe('readEarlier', () => {
    const read = async (changes: Partial<NewTurn> = {}) => {
      const found = [];
      const turn = newTurn({ ...thirdIds, session: await readSession(), ...changes });
      for await (const exchange of store.readEarlier(turn)) found.push(exchange);
      return found;
    };

    beforeEach(async () => {
      await store.open(newTurn());
      await store.close('turn-1', ending());
    });

    it('reads the exchanges of the session before the turn, newest first', async () => {
      await openAgain({ query: 'And now?' });
      await store.close('turn-2', ending({ outcome: 'stopped', answer: 'Ro', messageId: 'dify-message-2' }));
      await openAgain({ ...thirdIds, query: 'And then?' });
      expect(await read()).toEqual([
        { question: 'And now?', answer: 'Ro' },
        { question: 'How is the sea?', answer: 'Calm.' },
      ]);
    });

    it('leaves out superseded exchanges', async () => {
      const [first] = (await store.find(ada, 'turn-1')) ?? [];
      await openAgain({ supersedes: first?.id ?? 0 });
      await store.close('turn-2', ending({ answer: 'Rough.', messageId: 'dify-message-2' }));
      expect((await read()).map(({ answer }) => answer)).toEqual(['Rough.']);
    });

    it('reads nothing of other sessions, and nothing for a new one', async () => {
      await store.open(newTurn({ ...secondIds, session: newSession('session-2') }));
      expect(await read({ session: newSession('session-3') })).toEqual([]);
      expect(await read()).toHaveLength(1);
    });

    it('reads more exchanges than one page has', async () => {
      for (let count = 2; count <= 50; count += 1) {
        const ids = { turnId: `t${count}`, questionMessageId: `q${count}`, answerMessageId: `a${count}` };
        await openAgain(ids);
        await store.close(ids.turnId, ending({ answer: `${count}`, messageId: `m${count}` }));
      }
      expect((await read()).map(({ answer }) => answer)).toEqual([
        ...Array.from({ length: 49 }, (_, index) => `${50 - index}`),
        'Calm.',
      ]);
    });
  });

  describe('saveParent', () => {
    let opened = 0;

    /** Opens another turn, and returns the answer that it follows. */
    async function parentOfNext(conversationId: string | null = 'dify-conversation') {
      opened += 1;
      const [turnId, questionMessageId, answerMessageId] = ['turn', 'msg-question', 'msg_'].map(
        (name) => `${name}-next-${opened}`,
      ) as [string, string, string];
      const session = await readSession();
      const turn = newTurn({ turnId, questionMessageId, answerMessageId, session });
      await store.open(turn);
      const parent = await store.saveParent(turn, conversationId);
      await store.close(turnId, ending({ conversationId: undefined, messageId: undefined }));
      return parent;
    }

    beforeEach(async () => {
      await store.open(newTurn());
      await store.close('turn-1', ending());
    });

    it('finds the newest answer of the conversation that the upstream has saved', async () => {
      await openAgain({});
      await store.close('turn-2', ending({ outcome: 'stopped', messageId: 'dify-message-2' }));
      expect(await parentOfNext()).toBe('dify-message-2');
    });

    it.each(['another', null])('finds none in the conversation %s', async (conversationId) => {
      expect(await parentOfNext(conversationId)).toBeNull();
    });

    it('skips an answer that broke off, one without an id of the upstream, and superseded ones', async () => {
      await openAgain({});
      await store.close('turn-2', ending({ outcome: 'interrupted', messageId: 'dify-message-2' }));
      expect(await parentOfNext()).toBe('dify-message');
      expect(await parentOfNext()).toBe('dify-message');
      const [first] = (await store.find(ada, 'turn-1')) ?? [];
      await openAgain({ ...thirdIds, answerMessageId: 'msg_3', supersedes: first?.id ?? 0 });
      await store.close('turn-3', ending({ messageId: undefined }));
      expect(await parentOfNext()).toBeNull();
    });
  });

  describe('a session whose character gets another upstream', () => {
    const elsewhere = {
      upstreamId: 'dify-console:app',
      model: 'gpt-4o',
      conversationId: null,
      otherThreads: { dify: 'dify-conversation' },
      isRestarted: true,
    };

    beforeEach(async () => {
      await store.open(newTurn());
      await store.close('turn-1', ending());
      await openAgain({ thread: elsewhere });
    });

    it('keeps the conversations of both', async () => {
      await store.close(
        'turn-2',
        ending({ conversationId: 'console-conversation', messageId: 'console-message' }),
      );
      expect(await readSession()).toMatchObject({
        upstreamId: 'dify-console:app',
        conversationId: 'console-conversation',
        otherThreads: { dify: 'dify-conversation' },
      });
    });

    it('is found by the conversations of both, before and after the new one is known', async () => {
      const find = (conversationId: string) => store.findSession(ada, { conversationId });
      expect(await find('dify-conversation')).toMatchObject({ sessionId: 'session-1' });
      await store.close('turn-2', ending({ conversationId: 'console', messageId: 'console-message' }));
      for (const id of ['dify-conversation', 'console'])
        expect(await find(id)).toMatchObject({ sessionId: 'session-1', conversationId: 'console' });
      expect(await store.findSession(bob, { conversationId: 'dify-conversation' })).toBeNull();
    });

    it('remembers of each turn who answered it, and whether it restarted', async () => {
      const answers = await Promise.all(['turn-1', 'turn-2'].map((id) => store.find(ada, id)));
      expect(answers.map((turn) => [turn?.[1].upstreamId, turn?.[1].isThreadRestarted])).toEqual([
        ['dify', false],
        ['dify-console:app', true],
      ]);
    });

    it('refuses a turn that read the session before', async () => {
      await store.close('turn-2', ending({ conversationId: undefined, messageId: undefined }));
      const stale = { ...(await readSession()), upstreamId: 'dify', conversationId: 'dify-conversation' };
      expect(await store.open(newTurn({ ...thirdIds, session: stale }))).toBe(false);
    });

    it('does not continue in the conversation of the other one', async () => {
      await store.close('turn-2', ending({ conversationId: undefined, messageId: undefined }));
      await store.continueIn('turn-1', 'late');
      expect((await readSession()).conversationId).toBeNull();
    });
  });

  it('tells a running turn at its checkpoints that a stop is requested', async () => {
    await store.open(newTurn());
    expect(await store.checkpoint('turn-1', progress)).toBe(false);
    await store.requestStop('turn-1');
    expect(await store.checkpoint('turn-1', progress)).toBe(true);
    await store.close('turn-1', ending());
    expect(await store.checkpoint('turn-1', progress)).toBe(true);
  });

  it('tells which of the running turns must end when it is told that they are alive', async () => {
    await store.open(newTurn());
    await store.open(newTurn({ ...secondIds, session: newSession('session-2') }));
    expect(await store.keepAlive(['turn-1', 'turn-2'])).toEqual([]);
    await store.requestStop('turn-1');
    expect(await store.keepAlive(['turn-1', 'turn-2', 'erased'])).toEqual(['turn-1', 'erased']);
  });

  it('saves that the upstream had lost the conversation', async () => {
    await store.open(newTurn());
    const changes = { isThreadRestarted: true, isTakenBack: true };
    const [, answer] = await store.close('turn-1', ending(changes));
    expect(answer).toMatchObject(changes);
  });

  describe('hasTwin', () => {
    const other = { ...secondIds, session: newSession('session-2') };

    it('is true for the same question in another new conversation, until Dify sends its ids', async () => {
      await store.open(newTurn());
      await store.open(newTurn(other));
      expect(await store.hasTwin('turn-1')).toBe(true);
      await store.checkpoint('turn-2', progress);
      expect(await store.hasTwin('turn-1')).toBe(false);
    });

    it.each([
      ['another text', { query: 'How are you?' }],
      ['another user', { owner: bob }],
    ])('is false for %s', async (_what, changes) => {
      await store.open(newTurn());
      await store.open(newTurn({ ...other, ...changes }));
      expect(await store.hasTwin('turn-1')).toBe(false);
    });

    it('is false for another conversation', async () => {
      await store.open(newTurn());
      await store.close('turn-1', ending());
      await openAgain({});
      await store.open(newTurn({ ...thirdIds, session: newSession('session-3') }));
      expect(await store.hasTwin('turn-3')).toBe(false);
    });

    it('is false once the other turn has ended', async () => {
      await store.open(newTurn());
      await store.open(newTurn(other));
      await store.close('turn-2', ending({ taskId: undefined }));
      expect(await store.hasTwin('turn-1')).toBe(false);
    });
  });

  describe('hasMessage', () => {
    it('is true for the id of any saved message', async () => {
      await store.open(newTurn());
      expect(await store.hasMessage('msg-question')).toBe(true);
      expect(await store.hasMessage('dify-message')).toBe(false);
      await store.close('turn-1', ending());
      expect(await store.hasMessage('dify-message')).toBe(true);
    });
  });

  describe('findSent', () => {
    const idempotency = { key: 'key-1', fingerprint: 'a'.repeat(64) };

    it('finds the turn that its owner started with a key, also after its end', async () => {
      await store.open(newTurn({ idempotency }));
      const sent = { turnId: 'turn-1', fingerprint: idempotency.fingerprint };
      expect(await store.findSent(ada, 'key-1')).toEqual(sent);
      await store.close('turn-1', ending());
      expect(await store.findSent(ada, 'key-1')).toEqual(sent);
    });

    it('does not find another user’s turn or another key', async () => {
      await store.open(newTurn({ idempotency }));
      expect(await store.findSent(bob, 'key-1')).toBeNull();
      expect(await store.findSent(ada, 'KEY-1')).toBeNull();
      expect(await store.findSent(ada, '')).toBeNull();
    });

    it('rejects a second turn with the same key, and saves nothing of it', async () => {
      await store.open(newTurn({ idempotency }));
      const again = newTurn({ ...secondIds, session: newSession('session-2'), idempotency });
      expect(await thrown(store.open(again))).toHaveProperty('message');
      expect(await store.find(ada, 'turn-2')).toBeNull();
      expect(await store.findSession(ada, { sessionId: 'session-2' })).toBeNull();
    });

    it('allows the same key for two owners, and a turn without a key', async () => {
      await store.open(newTurn({ idempotency }));
      await store.open(newTurn({ ...secondIds, session: newSession('session-2'), owner: bob, idempotency }));
      expect(await store.findSent(bob, 'key-1')).toMatchObject({ turnId: 'turn-2' });
      const ids = { turnId: 'turn-3', questionMessageId: 'msg-question-3', answerMessageId: 'msg-answer-3' };
      await store.open(newTurn({ ...ids, session: newSession('session-3') }));
    });
  });

  describe('find', () => {
    it('returns the id of the question that was asked again', async () => {
      await store.open(newTurn());
      await store.close('turn-1', ending());
      await openAgain({ regenerates: 'msg-question' });
      expect(await store.find(ada, 'turn-2')).toMatchObject([
        { parentMessageId: 'msg-question' },
        { parentMessageId: 'msg-question-2' },
      ]);
    });

    it('returns the question and then the answer, with its saved progress', async () => {
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

    it('returns the same messages as close()', async () => {
      await store.open(newTurn());
      const saved = await store.close('turn-1', ending({ usage: { total_tokens: 5 } }));
      expect(await store.find(ada, 'turn-1')).toEqual(saved);
    });

    it('distinguishes the turns of one session', async () => {
      await store.open(newTurn());
      await store.close('turn-1', ending({ messageId: 'one' }));
      await openAgain({ query: 'And now?' });
      expect(await store.find(ada, 'turn-1')).toMatchObject([{ turnId: 'turn-1' }, { outcome: 'completed' }]);
      expect(await store.find(ada, 'turn-2')).toMatchObject([
        { turnId: 'turn-2', query: 'And now?' },
        { turnId: 'turn-2', outcome: 'pending' },
      ]);
    });

    it('does not find another user’s turn or an unknown turn', async () => {
      await store.open(newTurn());
      expect(await store.find(bob, 'turn-1')).toBeNull();
      await store.close('turn-1', ending());
      expect(await store.find(bob, 'turn-1')).toBeNull();
      for (const turnId of ['turn-2', '', "' or 1=1 --"]) expect(await store.find(ada, turnId)).toBeNull();
    });

    it('does not find a turn whose answer is deleted', async () => {
      await store.open(newTurn());
      await store.deleteAnswer('turn-1');
      expect(await store.find(ada, 'turn-1')).toBeNull();
    });
  });

  describe('identify', () => {
    it('saves the conversation id in both messages and in the session of a pending turn', async () => {
      await store.open(newTurn());
      await store.identify('turn-1', 'dify-conversation');
      const known = { conversationId: 'dify-conversation' };
      expect(await store.find(ada, 'turn-1')).toMatchObject([known, { ...known, outcome: 'pending' }]);
      expect(await store.findSession(ada, known)).toMatchObject({ sessionId: 'session-1', ...known });
      expect(await thrown(openAgain({}))).toMatchObject({ code: 'turn-in-progress' });
    });

    it('returns whether the turn has a line that is not deleted', async () => {
      await store.open(newTurn());
      const ids = ['turn-1', 'turn-2'];
      const saved = await Promise.all(ids.map((turnId) => store.identify(turnId, 'dify-conversation')));
      expect(saved).toEqual([true, false]);
    });

    it('saves a conversation id that an end without one keeps', async () => {
      await store.open(newTurn());
      await store.identify('turn-1', 'dify-conversation');
      const saved = await store.close('turn-1', ending({ conversationId: undefined }));
      const known = { conversationId: 'dify-conversation' };
      expect(saved).toMatchObject([known, known]);
      expect(await store.findSession(ada, known)).toMatchObject({ sessionId: 'session-1' });
    });

    it('changes no other turn, and no session that the turn has freed', async () => {
      await store.open(newTurn());
      await store.close('turn-1', ending());
      await openAgain({});
      await store.identify('turn-1', 'another');
      expect(await store.findSession(ada, { sessionId: 'session-1' })).toMatchObject({
        conversationId: 'dify-conversation',
      });
      const ofTheSession = { conversationId: 'dify-conversation' };
      expect(await store.find(ada, 'turn-2')).toMatchObject([ofTheSession, ofTheSession]);
    });

    it('ignores an unknown turn', async () => {
      await store.open(newTurn());
      await store.identify('turn-2', 'dify-conversation');
      expect(await store.findSession(ada, { conversationId: 'dify-conversation' })).toBeNull();
    });
  });

  describe('requestStop', () => {
    it('returns the task id of Dify once it is known, and leaves the turn pending', async () => {
      await store.open(newTurn());
      expect(await store.requestStop('turn-1')).toBeNull();
      await store.checkpoint('turn-1', progress);
      expect(await store.requestStop('turn-1')).toBe('dify-task');
      expect(await store.find(ada, 'turn-1')).toMatchObject([{}, { outcome: 'pending', answer: 'Ca' }]);
      expect(await thrown(openAgain({}))).toMatchObject({ code: 'turn-in-progress' });
    });

    it('keeps the task id even if a later checkpoint does not contain it', async () => {
      await store.open(newTurn());
      await store.checkpoint('turn-1', progress);
      await store.checkpoint('turn-1', { ...progress, taskId: undefined });
      expect(await store.requestStop('turn-1')).toBe('dify-task');
    });

    it.each([
      ['completed', null],
      ['interrupted', 'upstream-interrupted'],
      ['failed', 'upstream-failed'],
    ] as const)('turns the end %s into stopped, with its text and usage', async (outcome, code) => {
      await store.open(newTurn());
      await store.requestStop('turn-1');
      await store.checkpoint('turn-1', progress);
      const usage = { total_tokens: 5 };
      const [, answer] = await store.close('turn-1', ending({ outcome, errorCode: code, usage }));
      expect(answer).toMatchObject({ outcome: 'stopped', errorCode: null, answer: 'Calm.', usage });
      expect(await store.find(ada, 'turn-1')).toMatchObject([{}, { outcome: 'stopped', errorCode: null }]);
      await openAgain({});
    });

    it('stops no other turn', async () => {
      await store.open(newTurn());
      await store.open(newTurn({ ...secondIds, session: newSession('session-2') }));
      await store.requestStop('turn-1');
      const [, answer] = await store.close('turn-2', ending());
      expect(answer).toMatchObject({ outcome: 'completed' });
    });

    it('ignores a turn that has ended and an unknown turn', async () => {
      await store.open(newTurn());
      await store.checkpoint('turn-1', progress);
      await store.close('turn-1', ending());
      expect(await store.requestStop('turn-1')).toBeNull();
      expect(await store.requestStop('turn-2')).toBeNull();
      expect(await store.find(ada, 'turn-1')).toMatchObject([{}, { outcome: 'completed' }]);
    });
  });

  describe('a turn whose pending answer is deleted', () => {
    beforeEach(async () => {
      await store.open(newTurn());
      await store.deleteAnswer('turn-1');
    });

    it('cannot be closed, but close() frees its session', async () => {
      expect(await thrown(store.close('turn-1', ending()))).toBeInstanceOf(Error);
      expect(await store.findSession(ada, { conversationId: 'dify-conversation' })).toMatchObject({
        sessionId: 'session-1',
      });
      await openAgain({});
    });

    it('ignores checkpoints, ids and stops without an error', async () => {
      await store.checkpoint('turn-1', progress);
      await store.identify('turn-1', 'dify-conversation');
      await store.keepAlive(['turn-1']);
      expect(await store.requestStop('turn-1')).toBeNull();
      expect(await store.find(ada, 'turn-1')).toBeNull();
    });
  });
}
