import type { ReplyEvent } from '../../src/chat/dify/to-reply-event';
import { ChatError } from '../../src/chat/errors';
import { pump, type PumpOptions } from '../../src/chat/pump';
import type { TurnEvent } from '../../src/chat/turn-event';
import { createGate, settle } from './support/collect';
import { ending, newTurn, recordingLog, turnSettings } from './support/fixtures';
import { createMemoryTurnStore } from './support/memory-turn-store';

type Batches = AsyncGenerator<readonly ReplyEvent[], void>;

const delta = (text: string): ReplyEvent => ({ type: 'delta', text });
const identified: ReplyEvent = { type: 'identified', taskId: 't', messageId: 'm', conversationId: 'c' };
const completed: ReplyEvent = { type: 'completed', usage: { total_tokens: 3 } };
const gone = new ChatError('upstream-conversation-gone');

async function* reply(...batches: readonly (readonly ReplyEvent[])[]): Batches {
  yield* batches;
}

async function* broken(error: unknown, ...batches: readonly (readonly ReplyEvent[])[]): Batches {
  yield* batches;
  throw error;
}

/** A turn that is open already, and everything the pump does to it. */
async function opened(ask: PumpOptions['ask'], changes: Partial<PumpOptions> = {}) {
  const store = createMemoryTurnStore();
  const turn = newTurn();
  await store.open(turn);
  const log = recordingLog();
  const told: TurnEvent[] = [];
  const ids: unknown[] = [];
  const pumping = pump({
    turn,
    settings: turnSettings,
    store,
    log,
    ask,
    identify: ({ messageId, conversationId }) => ids.push({ messageId, conversationId }),
    append: (event) => told.push(event),
    ...changes,
  });
  return { store, log, told, ids, pumping, answer: () => store.turn(turn.turnId)[1] };
}

const inConversation = newTurn({
  session: { rowId: 1, sessionId: 'session-1', conversationId: 'lost', characterId: 7 },
});

describe('pump', () => {
  it('reads the reply to its end, tells its text and saves it', async () => {
    const { pumping, told, ids, answer } = await opened(() =>
      reply([identified, delta('Hel')], [delta('lo'), { type: 'replaced', text: 'Hi' }], [completed]),
    );
    expect(await pumping).toMatchObject({ type: 'ended', outcome: 'completed' });
    expect(told).toEqual([delta('Hel'), delta('lo'), { type: 'replaced', text: 'Hi' }]);
    expect(ids).toEqual([{ messageId: 'm', conversationId: 'c' }]);
    expect(answer()).toMatchObject({
      answer: 'Hi',
      messageId: 'm',
      outcome: 'completed',
      usage: { total_tokens: 3 },
    });
  });

  it('names the ids before it tells the text that came with them', async () => {
    const order: string[] = [];
    const { pumping } = await opened(() => reply([identified, delta('Hi')], [completed]), {
      identify: () => order.push('ids'),
      append: () => order.push('text'),
    });
    await pumping;
    expect(order).toEqual(['ids', 'text']);
  });

  it('is over only when the end is saved', async () => {
    const gate = createGate();
    const store = createMemoryTurnStore();
    await store.open(newTurn());
    let isOver = false;
    const { pumping } = await opened(() => reply([delta('Hi')], [completed]), {
      store: { ...store, close: (...args) => gate.opened.then(() => store.close(...args)) },
    });
    void pumping.then(() => (isOver = true));
    await settle();
    expect(isOver).toBe(false);
    gate.open();
    await pumping;
    expect(store.turn('turn-1')[1].answer).toBe('Hi');
  });

  it('saves the end only when the checkpoint that is running is done', async () => {
    const gate = createGate();
    const begun = createGate();
    const finished = createGate();
    const order: string[] = [];
    const store = createMemoryTurnStore();
    await store.open(newTurn());
    async function* slowReply(): Batches {
      yield [delta('Hi')];
      await begun.opened;
      finished.open();
      yield [completed];
    }
    const { pumping } = await opened(slowReply, {
      store: {
        ...store,
        checkpoint: async () => {
          begun.open();
          await gate.opened;
          order.push('checkpoint');
        },
        close: async (...args) => {
          order.push('close');
          return store.close(...args);
        },
      },
    });
    await finished.opened;
    await settle();
    expect(order).toEqual([]);
    gate.open();
    await pumping;
    expect(order).toEqual(['checkpoint', 'close']);
  });

  it.each([
    ['upstream-interrupted', 'interrupted'],
    ['answer-too-long', 'interrupted'],
    ['upstream-timeout', 'failed'],
    ['upstream-failed', 'failed'],
    ['upstream-rejected', 'failed'],
    ['upstream-malformed', 'failed'],
    ['upstream-unreachable', 'failed'],
    ['upstream-conversation-gone', 'failed'],
  ] as const)('saves the text so far when the reply ends with %s: %s', async (code, outcome) => {
    const { pumping, answer } = await opened(() => broken(new ChatError(code), [identified, delta('Hel')]));
    expect(await pumping).toEqual({ type: 'failed', outcome, code });
    expect(answer()).toMatchObject({ answer: 'Hel', outcome, errorCode: code, usage: null, messageId: 'm' });
  });

  it('makes "internal" of an error it does not know, and logs nothing of its message', async () => {
    const { pumping, log } = await opened(() => broken(new TypeError('the answer was: Hello')));
    expect(await pumping).toEqual({ type: 'failed', outcome: 'failed', code: 'internal' });
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toContain('TypeError');
    expect(log.lines[0]).not.toContain('Hello');
  });

  it('survives a question that cannot even be asked', async () => {
    const { pumping } = await opened(() => {
      throw new RangeError('no');
    });
    expect(await pumping).toMatchObject({ type: 'failed', code: 'internal' });
  });

  it('closes the reply when the answer grows too long', async () => {
    let isClosed = false;
    async function* endless(): Batches {
      try {
        for (;;) yield [delta('0123456789')];
      } finally {
        isClosed = true;
      }
    }
    const { pumping, answer } = await opened(endless, { settings: { ...turnSettings, maxAnswerChars: 25 } });
    expect(await pumping).toEqual({ type: 'failed', outcome: 'interrupted', code: 'answer-too-long' });
    expect(isClosed).toBe(true);
    expect(answer().answer).toBe('012345678901234567890123456789');
  });

  it('tells the end that is saved, if another process ended the turn before', async () => {
    const { pumping, store } = await opened(async function* () {
      yield [delta('Hi')];
      await store.close('turn-1', ending({ outcome: 'stopped', answer: 'H' }));
      yield [completed];
    });
    expect(await pumping).toMatchObject({
      type: 'ended',
      outcome: 'stopped',
      saved: [{ answer: 'H' }, { answer: 'H' }],
    });
  });

  it('never rejects, whatever the store does', async () => {
    const fails = () => Promise.reject(new Error('disk full'));
    const store = { ...createMemoryTurnStore(), checkpoint: fails, close: fails };
    const { pumping, log } = await opened(() => reply([delta('Hi')], [completed]), { store });
    expect(await pumping).toEqual({ type: 'failed', outcome: 'failed', code: 'internal' });
    expect(log.lines.join()).not.toContain('disk full');
  });

  it('asks again in a new conversation when the session’s is gone', async () => {
    const asked: unknown[] = [];
    const { pumping, told } = await opened(
      (conversationId) => {
        asked.push(conversationId);
        return conversationId === null ? reply([identified, delta('Hi')], [completed]) : broken(gone);
      },
      { turn: inConversation },
    );
    expect(await pumping).toMatchObject({ type: 'ended' });
    expect(asked).toEqual(['lost', null]);
    expect(told).toEqual([delta('Hi')]);
  });

  it('asks nothing again once there is text', async () => {
    const asked: unknown[] = [];
    const { pumping, told } = await opened(
      (conversationId) => {
        asked.push(conversationId);
        return conversationId === null ? reply([delta('Hi')], [completed]) : broken(gone, [delta('Hel')]);
      },
      { turn: inConversation },
    );
    expect(await pumping).toMatchObject({ type: 'failed', code: 'upstream-conversation-gone' });
    expect(asked).toEqual(['lost']);
    expect(told).toEqual([delta('Hel')]);
  });
});
