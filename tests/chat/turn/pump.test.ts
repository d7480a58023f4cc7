import type { ReplyEvent } from '../../../src/chat/ports/upstream';
import { ChatError } from '../../../src/chat/errors';
import { pump, type PumpOptions } from '../../../src/chat/turn/pump';
import type { EndReason } from '../../../src/chat/stream/live-turns';
import type { TurnStore } from '../../../src/chat/ports/turn-store';
import type { TurnEvent } from '../../../src/chat/model/turn-event';
import { maxEventId } from '../../../src/chat/model/event-id';
import { createGate, settle, until } from '../support/collect';
import { ending, newTurn, recordingLog, turnSettings } from '../support/fixtures';
import { createMemoryTurnStore, type MemoryTurnStore } from '../support/memory-turn-store';

type Batches = AsyncGenerator<readonly ReplyEvent[], void>;
/** A fake Dify: a call returns the batches of its reply. */
type Ask = (conversationId: string | null) => AsyncIterable<readonly ReplyEvent[]>;

const handingOver =
  (ask: Ask): PumpOptions['ask'] =>
  async (conversationId, take) => {
    for await (const events of ask(conversationId)) take(events);
  };

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

type Changes = Omit<Partial<PumpOptions>, 'ask'> & { readonly ask?: Ask; readonly store?: MemoryTurnStore };

/** Starts the pump for an open turn, and records its effects. */
async function opened(reply: Ask, { ask = reply, ...changes }: Changes = {}) {
  const turn = newTurn();
  const store = changes.store ?? (await openedStore(() => ({})));
  const log = recordingLog();
  const told: TurnEvent[] = [];
  const ids: unknown[] = [];
  const pumping = pump({
    turn,
    settings: turnSettings,
    store,
    log,
    ask: handingOver(ask),
    stop: async () => undefined,
    requestEnd: () => undefined,
    findAnswer: async () => null,
    giveUp: new AbortController().signal,
    endRequest: new AbortController().signal,
    identify: ({ messageId, conversationId }) => ids.push({ messageId, conversationId }),
    append: (event) => told.push(event),
    lastEventId: () => told.length + 1,
    onTurnEnded: () => undefined,
    saveConversation: async () => undefined,
    ...changes,
  }).then(({ terminal }) => terminal);
  return { store, log, told, ids, pumping, answer: () => store.turn(turn.turnId)[1] };
}

const inConversation = newTurn({
  session: {
    rowId: 1,
    sessionId: 'session-1',
    conversationId: 'lost',
    characterId: 'character-keeper',
    upstreamId: null,
    otherThreads: {},
  },
});

describe('pump', () => {
  it('reads the reply to its end, sends its text and saves it', async () => {
    const { pumping, told, ids, answer } = await opened(() =>
      reply([identified, delta('Hel')], [delta('lo'), { type: 'replaced', text: 'Hi' }], [completed]),
    );
    expect(await pumping).toMatchObject({ type: 'ended', outcome: 'completed' });
    expect(told).toEqual([delta('Hel'), delta('lo'), { type: 'replaced', text: 'Hi' }]);
    expect(ids).toEqual([{ messageId: 'm', conversationId: 'c' }]);
    expect(answer()).toMatchObject({
      answer: 'Hi',
      lastEventId: 5,
      messageId: 'm',
      outcome: 'completed',
      usage: { total_tokens: 3 },
    });
  });

  it('reports the ids before it sends the text of the same batch', async () => {
    const order: string[] = [];
    const { pumping } = await opened(() => reply([identified, delta('Hi')], [completed]), {
      identify: () => order.push('ids'),
      append: () => order.push('text'),
    });
    await pumping;
    expect(order).toEqual(['ids', 'text']);
  });

  it('settles only when the end is saved', async () => {
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

  it('saves the end only after the running checkpoint', async () => {
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
          return false;
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
  ] as const)('saves the text so far if the reply ends with %s: %s', async (code, outcome) => {
    const { pumping, answer } = await opened(() => broken(new ChatError(code), [identified, delta('Hel')]));
    expect(await pumping).toEqual({ type: 'failed', outcome, code });
    expect(answer()).toMatchObject({ answer: 'Hel', outcome, errorCode: code, usage: null, messageId: 'm' });
  });

  it('turns an unknown error into "internal", and does not log its message', async () => {
    const { pumping, log } = await opened(() => broken(new TypeError('the answer was: Hello')));
    expect(await pumping).toEqual({ type: 'failed', outcome: 'failed', code: 'internal' });
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toContain('TypeError');
    expect(log.lines[0]).not.toContain('Hello');
  });

  it('ends the turn if the call to Dify throws immediately', async () => {
    const { pumping } = await opened(() => {
      throw new RangeError('no');
    });
    expect(await pumping).toMatchObject({ type: 'failed', code: 'internal' });
  });

  it('closes the reply if the answer becomes too long', async () => {
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

  it('keeps the whole answer that Dify has saved, and reports that it is too long', async () => {
    const { pumping, told, answer } = await opened(
      () => broken(new ChatError('upstream-interrupted'), [identified, delta('01234')]),
      {
        settings: { ...turnSettings, maxAnswerChars: 10, recoveryMs: 400 },
        findAnswer: async () => ({ messageId: 'm', conversationId: 'c', answer: '0123456789abc' }),
      },
    );
    expect(await pumping).toEqual({ type: 'failed', outcome: 'interrupted', code: 'answer-too-long' });
    expect(told).toEqual([delta('01234'), delta('56789abc')]);
    expect(answer()).toMatchObject({ answer: '0123456789abc', outcome: 'interrupted' });
  });

  it('stops to look for an interrupted answer on a stop request', async () => {
    const stopping = new AbortController();
    let asked = 0;
    const { pumping } = await opened(
      () => broken(new ChatError('upstream-interrupted'), [identified, delta('Hi')]),
      {
        settings: { ...turnSettings, recoveryMs: 400, stopGraceMs: 60_000 },
        endRequest: stopping.signal,
        findAnswer: async () => {
          asked += 1;
          return null;
        },
      },
    );
    await settle();
    const reason: EndReason = 'stop';
    stopping.abort(reason);
    expect(await pumping).toMatchObject({ type: 'ended', outcome: 'stopped', saved: [{}, { answer: 'Hi' }] });
    expect(asked).toBe(0);
  });

  it('returns the saved end if another process ended the turn before', async () => {
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

  it('never rejects, even if the store always fails', async () => {
    const fails = () => Promise.reject(new Error('disk full'));
    const store = { ...createMemoryTurnStore(), checkpoint: fails, close: fails };
    const { pumping, log } = await opened(() => reply([delta('Hi')], [completed]), { store });
    expect(await pumping).toEqual({ type: 'failed', outcome: 'failed', code: 'internal' });
    expect(log.lines.join()).not.toContain('disk full');
  });

  it('asks again in a new conversation if the conversation of the session is gone', async () => {
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

  it('does not ask again after the first text', async () => {
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

/** Holds a reply open. The test decides what Dify sends, and when. */
function heldReply() {
  const steps: (() => readonly ReplyEvent[] | null)[] = [];
  const read = createGate();
  let wake = (): void => undefined;

  async function* reply(): Batches {
    try {
      for (;;) {
        const step = steps.shift();
        const batch = step?.();
        if (batch === null) return;
        if (batch !== undefined) yield batch;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      read.open();
    }
  }

  async function next(step: () => readonly ReplyEvent[] | null): Promise<void> {
    steps.push(step);
    wake();
    await settle();
  }

  return {
    reply,
    /** Settles when the reader has read the reply to its end or has left. */
    read: read.opened,
    say: (...events: readonly ReplyEvent[]) => next(() => events),
    end: () => next(() => null),
    fail: (error: unknown) =>
      next(() => {
        throw error;
      }),
  };
}

const roomy = { ...turnSettings, stopGraceMs: 60_000 };

/** Starts a turn whose reply is held open. `requestEnd` ends it early. */
async function answering(changes: Parameters<typeof opened>[1] = {}) {
  const dify = heldReply();
  const request = new AbortController();
  const stops: string[] = [];
  const running = await opened(dify.reply, {
    settings: roomy,
    stop: async (taskId) => void stops.push(taskId),
    endRequest: request.signal,
    ...changes,
  });
  const requestEnd = async (reason: EndReason) => {
    request.abort(reason);
    await settle();
  };
  return { ...running, dify, stops, requestEnd };
}

describe('pump, on a stop request', () => {
  it('stops Dify immediately, reads the reply to its end and saves it with its usage', async () => {
    const { pumping, dify, stops, requestEnd, told, answer } = await answering();
    await dify.say(identified, delta('Hel'));
    expect(stops).toEqual([]);
    await requestEnd('stop');
    expect(stops).toEqual(['t']);
    await dify.say(delta('lo'));
    await dify.say(completed);
    await dify.end();
    expect(await pumping).toMatchObject({ type: 'ended', outcome: 'stopped' });
    expect(told).toEqual([delta('Hel'), delta('lo')]);
    expect(answer()).toMatchObject({
      outcome: 'stopped',
      errorCode: null,
      answer: 'Hello',
      usage: { total_tokens: 3 },
    });
    expect(stops).toEqual(['t']);
  });

  it('stops Dify as soon as the task id is known', async () => {
    const { pumping, dify, stops, requestEnd, answer } = await answering();
    await requestEnd('stop');
    expect(stops).toEqual([]);
    await dify.say(identified);
    expect(stops).toEqual(['t']);
    await dify.say(completed);
    await dify.end();
    expect(await pumping).toMatchObject({ outcome: 'stopped' });
    expect(answer()).toMatchObject({ outcome: 'stopped', answer: '', messageId: 'm' });
  });

  it('stops Dify once, however often it is requested', async () => {
    const { pumping, dify, stops, requestEnd } = await answering();
    await dify.say(identified);
    for (const reason of ['stop', 'stop', 'shutdown'] as const) await requestEnd(reason);
    expect(stops).toEqual(['t']);
    await dify.end();
    expect(await pumping).toMatchObject({ outcome: 'stopped' });
  });

  it('ends without a stop call if Dify sends no task id', async () => {
    const { pumping, dify, stops, requestEnd } = await answering();
    await dify.say({ ...identified, taskId: undefined }, delta('Hel'));
    await requestEnd('stop');
    await dify.say(completed);
    await dify.end();
    expect(await pumping).toMatchObject({ outcome: 'stopped' });
    expect(stops).toEqual([]);
  });

  it.each([
    new ChatError('upstream-interrupted'),
    new ChatError('upstream-failed'),
    new ChatError('upstream-timeout'),
    new TypeError('socket'),
  ])('ends as stopped even if Dify fails with %s, and logs nothing', async (error) => {
    const { pumping, dify, requestEnd, answer, log } = await answering();
    await dify.say(identified, delta('Hel'));
    await requestEnd('stop');
    await dify.fail(error);
    expect(await pumping).toMatchObject({ type: 'ended', outcome: 'stopped' });
    expect(answer()).toMatchObject({ outcome: 'stopped', errorCode: null, answer: 'Hel', usage: null });
    expect(log.lines).toEqual([]);
  });

  it('ends as stopped even if the answer becomes too long meanwhile', async () => {
    const { pumping, dify, requestEnd, answer } = await answering({
      settings: { ...roomy, maxAnswerChars: 3 },
    });
    await dify.say(identified, delta('Hel'));
    await requestEnd('stop');
    await dify.say(delta('lo'));
    expect(await pumping).toMatchObject({ outcome: 'stopped' });
    expect(answer()).toMatchObject({ answer: 'Hello', errorCode: null });
  });

  it('ends after the grace if Dify does not end, sends nothing more, and reads Dify to its end', async () => {
    const { pumping, dify, requestEnd, told, ids, answer } = await answering({
      settings: { ...turnSettings, stopGraceMs: 20 },
    });
    await dify.say(identified, delta('Hel'));
    await requestEnd('stop');
    expect(await pumping).toMatchObject({
      type: 'ended',
      outcome: 'stopped',
      saved: [{ answer: 'Hel' }, { answer: 'Hel' }],
    });
    let isRead = false;
    void dify.read.then(() => (isRead = true));
    await dify.say({ ...identified, messageId: 'late' }, delta('lo'), { type: 'replaced', text: 'Late' });
    await dify.say(completed);
    expect(isRead).toBe(false);
    await dify.end();
    expect(isRead).toBe(true);
    expect(told).toEqual([delta('Hel')]);
    expect(ids).toHaveLength(1);
    expect(answer()).toMatchObject({ outcome: 'stopped', answer: 'Hel', usage: null, messageId: 'm' });
  });

  it('stops Dify even if the task id arrives after the grace', async () => {
    const { pumping, dify, stops, requestEnd, told } = await answering({
      settings: { ...turnSettings, stopGraceMs: 20 },
    });
    await requestEnd('stop');
    expect(await pumping).toMatchObject({ outcome: 'stopped' });
    expect(stops).toEqual([]);
    await dify.say(identified, delta('Hel'));
    expect(stops).toEqual(['t']);
    await dify.end();
    await dify.read;
    expect(told).toEqual([]);
  });

  it('saves a conversation that Dify names after the grace, once', async () => {
    const late: string[] = [];
    const { pumping, dify, requestEnd } = await answering({
      settings: { ...turnSettings, stopGraceMs: 20 },
      saveConversation: async (id) => void late.push(id),
    });
    await requestEnd('stop');
    await pumping;
    expect(late).toEqual([]);
    await dify.say(identified, delta('Hel'));
    await dify.end();
    await dify.read;
    expect(late).toEqual(['c']);
  });

  it('saves a conversation that Dify names while the end is being saved, after the end', async () => {
    const [saving, saved] = [createGate(), createGate()];
    const order: string[] = [];
    const { pumping, dify, requestEnd } = await answering({
      settings: { ...turnSettings, stopGraceMs: 20 },
      store: await openedStore((memory) => ({
        async close(...ending) {
          saving.open();
          await saved.opened;
          order.push('end');
          return memory.close(...ending);
        },
      })),
      saveConversation: async (id) => void order.push(id),
    });
    await requestEnd('stop');
    await saving.opened;
    await dify.say(identified);
    saved.open();
    await pumping;
    await dify.end();
    expect(order).toEqual(['end', 'c']);
  });

  it.each([
    ['a stopped', true, ['c']],
    ['a completed', false, []],
  ])('checks after %s turn whether its conversation is still needed', async (_kind, isStopped, expected) => {
    const checked: string[] = [];
    const { pumping, dify, requestEnd } = await answering({
      saveConversation: async (id) => void checked.push(id),
    });
    await dify.say(identified, delta('Hel'));
    if (isStopped) await requestEnd('stop');
    await dify.say(completed);
    await dify.end();
    await pumping;
    expect(checked).toEqual(expected);
  });

  it('ignores the text and the errors of Dify after the grace', async () => {
    const { pumping, dify, requestEnd, told, log } = await answering({
      settings: { ...turnSettings, stopGraceMs: 20, maxAnswerChars: 5 },
    });
    await dify.say(identified, delta('Hel'));
    await requestEnd('stop');
    await pumping;
    await dify.say(delta('x'.repeat(1_000)));
    await dify.fail(new ChatError('upstream-interrupted'));
    await dify.read;
    expect(told).toEqual([delta('Hel')]);
    expect(log.lines).toEqual([]);
  });

  it('saves no checkpoint after the grace', async () => {
    const checkpoints: string[] = [];
    const { store, pumping, dify, requestEnd } = await answering({
      settings: { ...turnSettings, stopGraceMs: 20, checkpointEveryMs: 1 },
      store: await openedStore((memory) => ({
        checkpoint: async (turnId, progress) => {
          checkpoints.push(progress.answer);
          return memory.checkpoint(turnId, progress);
        },
      })),
    });
    await dify.say(identified, delta('Hel'));
    await requestEnd('stop');
    await pumping;
    const before = [...checkpoints];
    await dify.say(delta('lo'));
    await dify.end();
    await dify.read;
    expect(checkpoints).toEqual(before);
    expect(store.turns()).toHaveLength(1);
  });

  it('only logs a warning if the stop call fails, and quotes nothing', async () => {
    const { pumping, dify, requestEnd, log } = await answering({
      stop: () => Promise.reject(new ChatError('upstream-failed', { cause: new Error('app-top-secret') })),
    });
    await dify.say(identified, delta('Hel'));
    await requestEnd('stop');
    await dify.say(completed);
    await dify.end();
    expect(await pumping).toMatchObject({ outcome: 'stopped' });
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn Turn turn-1: the stop request failed: upstream-failed/u),
    ]);
    expect(log.lines.join()).not.toContain('app-top-secret');
  });

  it('sends the stop again until the reply has ended, and logs one failure', async () => {
    const results = [new ChatError('upstream-failed'), undefined];
    const stops: string[] = [];
    const { pumping, dify, requestEnd, log } = await answering({
      stop: async (taskId) => {
        stops.push(taskId);
        const error = results.shift();
        if (error !== undefined) throw error;
      },
    });
    await dify.say(identified, delta('Hel'));
    await requestEnd('stop');
    await until(() => stops.length === 3);
    await dify.say(completed);
    await dify.end();
    expect(await pumping).toMatchObject({ outcome: 'stopped' });
    expect(log.lines).toHaveLength(1);
    expect(stops).toEqual(['t', 't', 't']);
  });

  it('keeps an end that is already being saved', async () => {
    const closing = createGate();
    const { pumping, dify, requestEnd } = await answering({
      store: await openedStore((memory) => ({
        close: async (...args) => {
          await closing.opened;
          return memory.close(...args);
        },
      })),
    });
    await dify.say(identified, delta('Hello'), completed);
    await dify.end();
    await requestEnd('stop');
    closing.open();
    expect(await pumping).toMatchObject({ outcome: 'completed' });
  });

  describe('leaves no timer', () => {
    beforeEach(() => jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }));
    afterEach(() => jest.useRealTimers());

    it('when Dify ends within the grace', async () => {
      const { pumping, dify, requestEnd } = await answering();
      await requestEnd('stop');
      expect(jest.getTimerCount()).toBe(1);
      await dify.end();
      expect(await pumping).toMatchObject({ outcome: 'stopped' });
      expect(jest.getTimerCount()).toBe(0);
    });

    it('when Dify has ended before', async () => {
      const { pumping, dify, requestEnd } = await answering();
      await dify.say(completed);
      await dify.end();
      await requestEnd('stop');
      expect(await pumping).toMatchObject({ outcome: 'completed' });
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  it('asks again in a new conversation and stops it, if the conversation of the session is gone', async () => {
    const inNew = heldReply();
    const asked: unknown[] = [];
    const refusing = createGate();
    const { pumping, stops, requestEnd } = await answering({
      turn: inConversation,
      ask: (conversationId) => {
        asked.push(conversationId);
        return conversationId === null ? inNew.reply() : brokenOnce(refusing.opened);
      },
    });
    refusing.open();
    await settle();
    await requestEnd('stop');
    await inNew.say(identified);
    await inNew.end();
    expect(await pumping).toMatchObject({ outcome: 'stopped' });
    expect(asked).toEqual(['lost', null]);
    expect(stops).toEqual(['t']);
  });

  // The turn has ended. A second question would let Dify generate an answer that nobody reads.
  it.each(['stop', 'shutdown'] as const)('does not ask again after the end (%s)', async (reason) => {
    const asked: unknown[] = [];
    const refusing = createGate();
    const { pumping, requestEnd } = await answering({
      settings: { ...turnSettings, stopGraceMs: 20 },
      turn: inConversation,
      ask: (conversationId) => {
        asked.push(conversationId);
        return conversationId === null ? reply([completed]) : brokenOnce(refusing.opened);
      },
    });
    await requestEnd(reason);
    await pumping;
    refusing.open();
    await settle();
    expect(asked).toEqual(['lost']);
  });
});

describe('pump, at the shutdown of the process', () => {
  it('ends immediately as interrupted, with the text so far and without a stop call', async () => {
    const { pumping, dify, stops, requestEnd, answer } = await answering();
    await dify.say(identified, delta('Hel'));
    await requestEnd('shutdown');
    expect(await pumping).toEqual({ type: 'failed', outcome: 'interrupted', code: 'server-stopping' });
    expect(answer()).toMatchObject({
      outcome: 'interrupted',
      errorCode: 'server-stopping',
      answer: 'Hel',
      messageId: 'm',
      usage: null,
    });
    expect(stops).toEqual([]);
    await dify.end();
  });

  it('ends as interrupted before the first event of Dify', async () => {
    const { pumping, dify, stops, requestEnd, answer } = await answering();
    await requestEnd('shutdown');
    expect(await pumping).toMatchObject({ code: 'server-stopping' });
    await dify.say(identified, delta('Hel'));
    expect(stops).toEqual([]);
    expect(answer()).toMatchObject({ answer: '', messageId: 'msg-answer' });
    await dify.end();
  });

  it('sends nothing more, even if Dify sends more', async () => {
    const { pumping, dify, requestEnd, told, answer } = await answering();
    await dify.say(identified, delta('Hel'));
    await requestEnd('shutdown');
    await pumping;
    await dify.say(delta('lo'), completed);
    await dify.end();
    expect(told).toEqual([delta('Hel')]);
    expect(answer().outcome).toBe('interrupted');
  });

  it('saves the end only after the running checkpoint', async () => {
    const checkpoint = createGate();
    const begun = createGate();
    const { pumping, dify, requestEnd, store } = await answering({
      store: await openedStore(() => ({
        checkpoint: async () => {
          begun.open();
          await checkpoint.opened;
          return false;
        },
      })),
    });
    await dify.say(identified, delta('Hel'));
    await begun.opened;
    await requestEnd('shutdown');
    let isOver = false;
    void pumping.then(() => (isOver = true));
    await settle();
    expect(isOver).toBe(false);
    checkpoint.open();
    expect(await pumping).toMatchObject({ code: 'server-stopping' });
    expect(store.turns()).toHaveLength(1);
    await dify.end();
  });
});

describe('pump, if saving the end fails', () => {
  const busy = () =>
    Promise.reject(Object.assign(new Error('the answer was: Hello'), { code: 'SQLITE_BUSY' }));

  /** Creates a store that rejects the first `failures` ends. */
  async function failing(
    failures: number,
    changes: Partial<TurnStore> = {},
    onTry = () => undefined as void,
  ) {
    let tries = 0;
    let elsewhere: TurnStore['close'] = () => busy();
    const store = await openedStore((memory) => {
      elsewhere = memory.close;
      return {
        close: (...args) => {
          tries += 1;
          onTry();
          return tries <= failures ? busy() : memory.close(...args);
        },
        ...changes,
      };
    });
    return { store, tries: () => tries, elsewhere };
  }

  it.each([0, 1, 2])('returns the saved end after %d failures', async (failures) => {
    const { store, tries } = await failing(failures);
    const { pumping, log } = await opened(() => reply([identified, delta('Hello')], [completed]), { store });
    expect(await pumping).toMatchObject({
      type: 'ended',
      outcome: 'completed',
      saved: [{}, { answer: 'Hello' }],
    });
    expect(tries()).toBe(failures + 1);
    expect(log.lines).toEqual(
      failures === 0 ? [] : [expect.stringMatching(/^error Turn turn-1: .*SQLITE_BUSY/u)],
    );
    expect(log.lines.join()).not.toContain('Hello');
  });

  it('keeps the outcome of an interrupted and of a stopped turn', async () => {
    const one = await failing(2);
    const interrupted = await opened(
      () => broken(new ChatError('upstream-interrupted'), [delta('Hel')]),
      one,
    );
    expect(await interrupted.pumping).toEqual({
      type: 'failed',
      outcome: 'interrupted',
      code: 'upstream-interrupted',
    });
    const two = await failing(2);
    const { pumping, dify, requestEnd } = await answering(two);
    await requestEnd('stop');
    await dify.end();
    expect(await pumping).toMatchObject({ type: 'ended', outcome: 'stopped' });
  });

  it('gives up after saveRetryMs, returns "internal", and logs the first and the last try', async () => {
    const { store, tries } = await failing(Infinity);
    const { pumping, log, told } = await opened(() => reply([delta('Hello')], [completed]), { store });
    expect(await pumping).toEqual({ type: 'failed', outcome: 'failed', code: 'internal' });
    expect(tries()).toBeGreaterThan(1);
    expect(log.lines).toEqual([
      expect.stringMatching(/could not be saved \(1\)/u),
      expect.stringMatching(new RegExp(`could not be saved \\(${tries()}\\)`, 'u')),
    ]);
    expect(told).toEqual([delta('Hello')]);
  });

  it('tries once if saveRetryMs is too short', async () => {
    const { store, tries } = await failing(Infinity);
    const settings = { ...turnSettings, saveRetryMs: 1 };
    const { pumping } = await opened(() => reply([completed]), { store, settings });
    expect(await pumping).toMatchObject({ code: 'internal' });
    expect(tries()).toBe(1);
  });

  it('tries once more immediately when the process can wait no longer', async () => {
    const leaving = new AbortController();
    const { store, tries } = await failing(Infinity, {}, () => leaving.abort());
    const settings = { ...turnSettings, saveRetryMs: 60_000 };
    const { pumping } = await opened(() => reply([completed]), { store, settings, giveUp: leaving.signal });
    expect(await pumping).toMatchObject({ code: 'internal' });
    expect(tries()).toBe(2);
  });

  it('returns an end that was saved although it seemed to fail', async () => {
    let tries = 0;
    const store = await openedStore((memory) => ({
      close: async (turnId, end) => {
        tries += 1;
        const saved = await memory.close(turnId, tries === 1 ? end : { ...end, answer: 'Again' });
        return tries === 1 ? busy() : saved;
      },
    }));
    const { pumping } = await opened(() => reply([delta('Hello')], [completed]), { store });
    expect(await pumping).toMatchObject({ outcome: 'completed', saved: [{}, { answer: 'Hello' }] });
    expect(tries).toBe(2);
  });

  it('returns the end that another process saved meanwhile', async () => {
    const { store, tries, elsewhere } = await failing(1);
    const { pumping } = await opened(
      async function* () {
        yield [delta('Hello')];
        await elsewhere('turn-1', ending({ outcome: 'interrupted', errorCode: 'process-died' }));
        yield [completed];
      },
      { store },
    );
    expect(await pumping).toEqual({ type: 'failed', outcome: 'interrupted', code: 'process-died' });
    expect(tries()).toBe(2);
  });

  it('ends as stopped if another process received the stop request', async () => {
    const { pumping, store } = await opened(async function* () {
      yield [identified, delta('Hello')];
      await store.requestStop('turn-1');
      yield [completed];
    });
    expect(await pumping).toMatchObject({
      type: 'ended',
      outcome: 'stopped',
      saved: [{}, { answer: 'Hello' }],
    });
  });

  it('sends the end that another process saves after it has taken the turn over, and stops nothing', async () => {
    const store = createMemoryTurnStore();
    await store.open(newTurn());
    const ended: string[] = [];
    const request = new AbortController();
    const running = await answering({
      store,
      endRequest: request.signal,
      requestEnd: (reason) => request.abort(reason),
      onTurnEnded: (turnId) => void ended.push(turnId),
      settings: { ...roomy, checkpointEveryMs: 1 },
    });
    store.silence('turn-1', 61_000);
    await store.claimAbandoned({ leaseMs: 60_000, isStart: false });
    await running.dify.say(identified, delta('Hello, but too late'));
    await until(() => request.signal.aborted);
    expect(request.signal.reason).toBe('taken-over');
    await store.close('turn-1', ending({ answer: 'Hello', lastEventId: maxEventId }), 1);
    expect(await running.pumping).toMatchObject({ type: 'ended', outcome: 'completed' });
    expect(running.told.at(-1)).toEqual({ type: 'replaced', text: 'Hello' });
    expect(store.turn('turn-1')[1]).toMatchObject({ answer: 'Hello', conversationId: 'dify-conversation' });
    expect([running.stops, ended]).toEqual([[], []]);
    await running.dify.end();
  });

  it('checks whether the conversation of an erased turn is still needed', async () => {
    const checked: string[] = [];
    const erased = new ChatError('turn-not-found');
    const { pumping } = await opened(() => reply([identified, delta('Hello')], [completed]), {
      store: await openedStore(() => ({ close: () => Promise.reject(erased) })),
      saveConversation: async (id) => void checked.push(id),
    });
    expect(await pumping).toMatchObject({ code: 'turn-not-found' });
    expect(checked).toEqual(['c']);
  });

  it('returns "internal" if the answer was deleted meanwhile, and frees the session', async () => {
    const { pumping, store } = await opened(async function* () {
      yield [identified, delta('Hello')];
      store.deleteAnswer('turn-1');
      yield [completed];
    });
    expect(await pumping).toEqual({ type: 'failed', outcome: 'failed', code: 'internal' });
    expect(store.sessions()).toMatchObject([{ liveTurnId: null, conversationId: 'c' }]);
  });
});

describe('pump, when Dify sends its conversation id', () => {
  /** Records the saves of the pump in order. `reached(n)` settles at the n-th save. */
  async function recording(changes: Partial<TurnStore> = {}) {
    const calls: string[] = [];
    const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
    const note = (call: string) => {
      calls.push(call);
      for (const { count, resolve } of waiting) if (calls.length >= count) resolve();
    };
    const store = await openedStore((memory) => ({
      checkpoint: async (turnId, progress) => {
        const isStopRequested = await memory.checkpoint(turnId, progress);
        note(`checkpoint ${progress.answer}`);
        return isStopRequested;
      },
      identify: async (turnId, conversationId) => {
        const isShown = await memory.identify(turnId, conversationId);
        note(`identify ${conversationId}`);
        return isShown;
      },
      ...changes,
    }));
    const reached = (count: number) =>
      new Promise<void>((resolve) => {
        waiting.push({ count, resolve });
        if (calls.length >= count) resolve();
      });
    return { store, calls, note, reached };
  }

  const settings = { ...roomy, checkpointEveryMs: 1 };

  it('saves the id for the whole turn after the first checkpoint with it, and only once', async () => {
    const { store, calls, reached } = await recording();
    const { pumping, dify } = await answering({ store, settings });
    await dify.say(delta('a'));
    await reached(1);
    await dify.say(identified, delta('b'));
    await reached(3);
    expect(await store.findSession(newTurn().owner, { conversationId: 'c' })).toMatchObject({
      sessionId: 'session-1',
    });
    await dify.say(delta('c'));
    await reached(4);
    await dify.say(delta('d'));
    await reached(5);
    await dify.end();
    await pumping;
    expect(calls).toEqual([
      'checkpoint a',
      'checkpoint ab',
      'identify c',
      'checkpoint abc',
      'checkpoint abcd',
    ]);
  });

  it('tries again with the next checkpoint if saving the id fails', async () => {
    let tries = 0;
    const { store, calls, note, reached } = await recording({
      identify: async () => {
        tries += 1;
        note(`try ${tries}`);
        if (tries === 1) throw new Error('busy');
        return true;
      },
    });
    const { pumping, dify, log } = await answering({ store, settings });
    await dify.say(identified, delta('a'));
    await reached(2);
    await dify.say(delta('b'));
    await reached(4);
    await dify.say(delta('c'));
    await reached(5);
    await dify.end();
    await pumping;
    expect(calls).toEqual(['checkpoint a', 'try 1', 'checkpoint ab', 'try 2', 'checkpoint abc']);
    expect(log.lines).toEqual([expect.stringMatching(/^warn Turn turn-1: a checkpoint failed/u)]);
  });

  it('does not save an id if Dify sends none', async () => {
    const { store, calls, reached } = await recording();
    const { pumping, dify } = await answering({ store, settings });
    await dify.say({ ...identified, conversationId: undefined }, delta('a'));
    await reached(1);
    await dify.end();
    await pumping;
    expect(calls).toEqual(['checkpoint a']);
  });

  it('saves the end only after the id', async () => {
    const gate = createGate();
    const begun = createGate();
    const order: string[] = [];
    const { pumping, dify } = await answering({
      settings,
      store: await openedStore((memory) => ({
        identify: async () => {
          begun.open();
          await gate.opened;
          order.push('identify');
          return true;
        },
        close: async (...args) => {
          order.push('close');
          return memory.close(...args);
        },
      })),
    });
    await dify.say(identified, delta('a'));
    await begun.opened;
    await dify.end();
    expect(order).toEqual([]);
    gate.open();
    await pumping;
    expect(order).toEqual(['identify', 'close']);
  });
});

/** Creates a store with an open turn and some replaced methods. */
async function openedStore(change: (store: TurnStore) => Partial<TurnStore>) {
  const store = createMemoryTurnStore();
  await store.open(newTurn());
  return { ...store, ...change(store) };
}

async function* brokenOnce(until: Promise<void>): Batches {
  await until;
  yield* broken(gone);
}
