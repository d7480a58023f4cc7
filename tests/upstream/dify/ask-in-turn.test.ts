import { ChatError } from '../../../src/chat/errors';
import type { ReplyEvent, UpstreamQuestion } from '../../../src/chat/ports/upstream';
import { createAskInTurn } from '../../../src/upstream/dify/ask-in-turn';
import { createGate, settle, thrown, until } from '../../chat/support/collect';
import { question } from '../../chat/support/dify';

interface Options {
  readonly apiUrl?: string;
  readonly answersAtOnce?: number | null;
  readonly queueMs?: number;
  readonly spaceQuestions?: boolean;
}

/** Creates an upstream whose answers end when the test says so. */
function create(options: Options = {}) {
  const gates = new Map<string, ReturnType<typeof createGate>>();
  const asked: string[] = [];
  const sentAtMs: number[] = [];
  const warnings: string[] = [];
  const { ask, waiting } = createAskInTurn({
    settings: {
      apiUrl: 'http://dify.internal/v1',
      answersAtOnce: 1,
      queueMs: 60_000,
      spaceQuestions: false,
      ...options,
    },
    warn: (message) => warnings.push(message),
    async ask({ query, conversationId }, take) {
      asked.push(query);
      sentAtMs.push(performance.now());
      take([
        {
          type: 'identified',
          taskId: 't',
          messageId: 'm',
          conversationId: conversationId ?? 'new conversation',
        },
      ]);
      const gate = createGate();
      gates.set(query, gate);
      await gate.opened;
    },
  });
  return {
    asked,
    sentAtMs,
    warnings,
    waiting,
    ask(query: string, changes: Partial<UpstreamQuestion> = {}, leave?: AbortSignal) {
      const events: ReplyEvent[] = [];
      const end = ask({ ...question, query, ...changes }, (batch) => events.push(...batch), leave);
      return { events, end };
    },
    async answer(query: string) {
      await until(() => gates.has(query));
      gates.get(query)?.open();
      await settle();
      await settle();
    },
  };
}

const queued = (place: number): ReplyEvent => ({ type: 'queued', place });

describe('createAskInTurn', () => {
  it('sends a question immediately while a place is free, without a queued event', async () => {
    const { ask, asked, answer, waiting } = create({ answersAtOnce: 2 });
    const [a, b] = [ask('a'), ask('b')];
    await settle();
    expect(asked).toEqual(['a', 'b']);
    expect(waiting()).toBe(0);
    expect(a.events).toMatchObject([{ type: 'identified' }]);
    await answer('a');
    await answer('b');
    await Promise.all([a.end, b.end]);
  });

  it('lets users take turns, and tells each question its place', async () => {
    const { ask, asked, answer, waiting, warnings } = create();
    const asking = [ask('a1', { user: 'a' }), ask('a2', { user: 'a' }), ask('a3', { user: 'a' })];
    const b1 = ask('b1', { user: 'b' });
    await settle();
    expect([asked, waiting()]).toEqual([['a1'], 3]);
    expect(b1.events).toEqual([queued(2)]);
    expect(asking[2]?.events).toEqual([queued(2), queued(3)]);
    for (const query of ['a1', 'b1', 'a2', 'a3']) await answer(query);
    await Promise.all([...asking, b1].map(({ end }) => end));
    expect(asked).toEqual(['a1', 'b1', 'a2', 'a3']);
    expect(waiting()).toBe(0);
    expect(warnings).toEqual([expect.stringContaining('DIFY_ANSWERS_AT_ONCE')]);
  });

  it('tells a waiting question its new place within a second', async () => {
    const { ask, answer } = create();
    const [, , third] = [ask('a', { user: 'a' }), ask('b', { user: 'b' }), ask('c', { user: 'c' })];
    expect(third.events).toEqual([queued(2)]);
    await answer('a');
    await until(() => third.events.length === 2);
    expect(third.events).toEqual([queued(2), queued(1)]);
    await answer('b');
    await answer('c');
    await third.end;
  });

  it('frees the place of an answer that fails', async () => {
    const { ask } = createAskInTurn({
      settings: { apiUrl: 'http://dify.internal/v1', answersAtOnce: 1, queueMs: 1, spaceQuestions: false },
      warn: () => undefined,
      ask: () => Promise.reject(new ChatError('upstream-failed')),
    });
    for (const _ of [1, 2])
      expect(await thrown(ask(question, () => undefined))).toMatchObject({ code: 'upstream-failed' });
  });

  it('ends the wait when the question is stopped, and sends nothing', async () => {
    const { ask, asked, answer, waiting } = create();
    const first = ask('a', { user: 'a' });
    const leaving = new AbortController();
    const second = ask('b', { user: 'b' }, leaving.signal);
    leaving.abort('stop');
    expect(await thrown(second.end)).toMatchObject({ code: 'server-stopping' });
    expect([asked, waiting()]).toEqual([['a'], 0]);
    await answer('a');
    await first.end;
  });

  it('is busy after the longest wait', async () => {
    const { ask, answer } = create({ queueMs: 20 });
    const first = ask('a');
    expect(await thrown(ask('b').end)).toMatchObject({ code: 'upstream-busy', retryAfterSeconds: 5 });
    await answer('a');
    await first.end;
  });

  it.each([
    ['http://dify.internal/v1', 8],
    ['https://api.dify.ai/v1', 20],
  ])('without a setting, sends to %s at most %d of 20 questions', async (apiUrl, most) => {
    const { ask, asked, answer } = create({ apiUrl, answersAtOnce: null });
    const asking = Array.from({ length: 20 }, (_, index) => ask(`${index}`));
    await settle();
    expect(asked).toHaveLength(most);
    for (let index = 0; index < 20; index += 1) await answer(`${index}`);
    await Promise.all(asking.map(({ end }) => end));
  });

  describe('with spaceQuestions', () => {
    const apart = { spaceQuestions: true, answersAtOnce: 0 };

    it.each([
      ['a known conversation', 'c', 'c'],
      ['a conversation that the first question begins', null, 'new conversation'],
    ])('sends questions of %s more than a second apart', async (_what, first, second) => {
      const { ask, answer, sentAtMs } = create(apart);
      const one = ask('a', { conversationId: first });
      await answer('a');
      await one.end;
      const two = ask('b', { conversationId: second });
      await answer('b');
      await two.end;
      expect((sentAtMs[1] ?? 0) - (sentAtMs[0] ?? 0)).toBeGreaterThan(1_000);
    });

    it('does not delay questions of other conversations', async () => {
      const { ask, asked, answer } = create(apart);
      const asking = [null, null, 'c', 'd'].map((conversationId, index) =>
        ask(`${index}`, { conversationId }),
      );
      await settle();
      expect(asked).toHaveLength(4);
      for (let index = 0; index < 4; index += 1) await answer(`${index}`);
      await Promise.all(asking.map(({ end }) => end));
    });

    it('ends the wait when the question is stopped', async () => {
      const { ask, asked, answer } = create(apart);
      const first = ask('a', { conversationId: 'c' });
      await answer('a');
      await first.end;
      const leaving = new AbortController();
      const second = ask('b', { conversationId: 'c' }, leaving.signal);
      leaving.abort('stop');
      expect(await thrown(second.end)).toMatchObject({ code: 'server-stopping' });
      expect(asked).toEqual(['a']);
    });
  });
});
