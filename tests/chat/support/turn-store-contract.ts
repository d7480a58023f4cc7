import { ChatError } from '../../../src/chat/errors';
import type { NewTurn, TurnProgress, TurnStore } from '../../../src/chat/stores';
import { thrown } from './collect';
import { ada, bob, ending, newSession, newTurn } from './fixtures';

/** What every `TurnStore` promises. Whoever has a store to test runs it with a fresh, empty one for each test. */
export function itKeepsTurns(create: () => Promise<TurnStore> | TurnStore): void {
  let store: TurnStore;

  beforeEach(async () => {
    store = await create();
  });

  const progress: TurnProgress = {
    answer: 'Ca',
    messageId: 'dify-message',
    conversationId: 'dify-conversation',
  };

  async function openAgain(changes: Partial<NewTurn>): Promise<void> {
    const session = await store.findSession(ada, { sessionId: 'session-1' });
    if (session === null) throw new Error('The session is gone.');
    await store.open(newTurn({ ...secondIds, session, ...changes }));
  }

  const secondIds = {
    turnId: 'turn-2',
    questionMessageId: 'msg-question-2',
    answerMessageId: 'msg-answer-2',
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

  it('interrupts the turns nobody has kept alive, keeps their text, and frees their sessions', async () => {
    await store.open(newTurn());
    await store.checkpoint('turn-1', progress);
    expect(await store.interruptAbandoned(soon())).toBe(1);
    expect(await store.interruptAbandoned(soon())).toBe(0);
    const [, answer] = await store.close('turn-1', ending());
    expect(answer).toMatchObject({ outcome: 'interrupted', errorCode: 'process-died', answer: 'Ca' });
    await openAgain({});
  });

  it('leaves a turn be that was alive since', async () => {
    await store.open(newTurn());
    const afterOpen = await nextTick();
    await store.keepAlive(['turn-1', 'unknown']);
    expect(await store.interruptAbandoned(afterOpen)).toBe(0);
  });
}

function soon(): Date {
  return new Date(Date.now() + 60_000);
}

/** A moment the clock has reached after now. */
async function nextTick(): Promise<Date> {
  const now = Date.now();
  while (Date.now() <= now) await new Promise((resolve) => setTimeout(resolve, 1));
  return new Date();
}
