import { ChatError } from '../../src/chat/errors';
import { defaultChoice } from '../../src/chat/model/character';
import type { Frame } from '../../src/chat/stream/sse';
import type { LiveTurn } from '../../src/chat/stream/live-turns';
import { isTerminal } from '../../src/chat/contract/stream-event';
import { composeAnswer } from '../dify-emulator/answer';
import { toDeltas } from '../dify-emulator/text';
import { collect, thrown, until } from '../chat/support/collect';
import { ada, keeper } from '../chat/support/fixtures';
import { createHarness, eventsOf, shownText, toEvents } from '../chat/support/harness';
import { createMemoryCounters } from '../chat/support/memory-counters';
import { onlySession } from '../chat/support/memory-turn-store';
import { rigs, type Rig } from './support/rigs';

jest.setTimeout(10_000);

const query = 'How is the sea?';
const deltas = toDeltas(composeAnswer({ prompt: keeper.prompt ?? '', query, earlier: [] }));
const wholeText = deltas.join('');
const first = (count: number) => deltas.slice(0, count).join('');
/** The server finds its own end of a turn, and does not give up meanwhile. */
const patientTurns = { stopGraceMs: 60_000 };

/** Reads the frames of a turn until its text so far is shown, and then leaves. */
async function readUntil(turn: LiveTurn, text: string): Promise<readonly Frame[]> {
  const leaving = new AbortController();
  const frames: Frame[] = [];
  for await (const batch of turn.follow(0, leaving.signal)) {
    frames.push(...batch);
    if (shownText(toEvents([frames])) === text) break;
  }
  leaving.abort();
  return frames;
}

describe.each(Object.entries(rigs))('a turn that %s answers', (_kind, start) => {
  let rig: Rig;

  beforeEach(async () => {
    rig = await start();
  });
  afterEach(async () => {
    await rig.idle();
    await rig.close();
  });

  type Options = Omit<Parameters<typeof createHarness>[0], 'upstream' | 'dify'>;

  const harness = (options: Options = {}) =>
    createHarness({ upstream: rig.upstream, ...options, settings: { ...patientTurns, ...options.settings } });

  it('streams, and is saved whole', async () => {
    const { ask, store } = harness();
    const turn = await ask();
    const events = await eventsOf(turn);
    expect(events.flatMap((event) => (event.event === 'message' ? event.answer : []))).toEqual(deltas);
    expect(events.filter(isTerminal)).toEqual([events.at(-1)]);
    expect(events.at(-1)).toMatchObject({ event: 'message_end', outcome: 'completed' });
    expect(store.turn(turn.turnId)).toMatchObject([
      { role: 'user', query },
      { role: 'assistant', answer: wholeText, outcome: 'completed', errorCode: null },
    ]);
    expect(onlySession(store, ada)).toMatchObject({ liveTurnId: null });
  });

  it('is stopped with the text so far', async () => {
    rig.pause(3);
    const { ask, store } = harness();
    const turn = await ask();
    await readUntil(turn, first(3));
    turn.requestEnd('stop');
    await turn.ended;
    expect(store.turn(turn.turnId)[1]).toMatchObject({ outcome: 'stopped', answer: first(3) });
    await rig.idle();
  });

  it('goes on when its client leaves, and sends each piece once to a client that comes back', async () => {
    const paused = rig.pause(3);
    const { ask, store } = harness();
    const turn = await ask();
    const before = await readUntil(turn, first(3));
    paused.goOn();
    await turn.ended;
    expect(store.turn(turn.turnId)[1]).toMatchObject({ outcome: 'completed', answer: wholeText });
    const cursor = before.at(-1)?.id ?? 0;
    const after = (await collect(turn.follow(cursor, new AbortController().signal))).flat();
    expect(shownText(toEvents([[...before, ...after]]))).toBe(wholeText);
    const ids = [...before, ...after].map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)]);
  });

  it('is saved so far while it is written', async () => {
    const paused = rig.pause(3);
    const { ask, store } = harness({ settings: { checkpointEveryMs: 1 } });
    const turn = await ask();
    await until(() => store.turn(turn.turnId)[1].answer === first(3));
    expect(store.turn(turn.turnId)[1].outcome).toBe('pending');
    paused.goOn();
    await turn.ended;
  });

  it('counts its tokens, and the answer that exceeds the limit is the last', async () => {
    const counters = createMemoryCounters({ tokensPerDay: 5 });
    const { ask, askToEnd, store } = harness({ counters });
    await askToEnd();
    const tokens = Number(store.turns()[0]?.[1].usage?.['total_tokens']);
    expect(tokens).toBeGreaterThan(5);
    expect(counters.tokensOf(ada.documentId)).toBe(tokens);
    expect(await thrown(ask())).toMatchObject({ code: 'token-limit-reached' });
  });

  it.each(['stopped', 'erased'])(
    'counts tokens if it is %s, even if the upstream reports none',
    async (how) => {
      rig.pause(3);
      const counters = createMemoryCounters({ tokensPerDay: 1_000_000 });
      const erased = new ChatError('turn-not-found');
      const { ask } = harness({
        counters,
        ...(how === 'erased' && { store: () => ({ close: () => Promise.reject(erased) }) }),
      });
      const turn = await ask();
      await readUntil(turn, first(3));
      turn.requestEnd('stop');
      await turn.ended;
      expect(counters.tokensOf(ada.documentId)).toBeGreaterThan(0);
      await rig.idle();
    },
  );

  it('fails if it is refused, and keeps the words of the upstream for the operator', async () => {
    rig.refuse('Out of credit.');
    const { ask, log, store } = harness();
    const turn = await ask();
    const events = await eventsOf(turn);
    expect(events.at(-1)).toMatchObject({
      event: 'error',
      code: 'upstream-quota-exceeded',
      outcome: 'failed',
    });
    expect(store.turn(turn.turnId)[1]).toMatchObject({ outcome: 'failed', answer: '' });
    expect(JSON.stringify(events)).not.toContain('Out of credit');
    expect(log.lines.join()).toContain('Out of credit.');
  });

  it('is interrupted with the text so far if it breaks off', async () => {
    rig.breakOff(3);
    const { ask, store } = harness();
    const turn = await ask();
    expect((await eventsOf(turn)).at(-1)).toMatchObject({ event: 'error', code: 'upstream-interrupted' });
    expect(store.turn(turn.turnId)[1]).toMatchObject({ outcome: 'interrupted', answer: first(3) });
  });

  it('is completed with the whole text if it breaks off and the upstream has saved it', async () => {
    expect(rig.breakOffButSave !== null).toBe(rig.upstream.savesAnswers);
    if (rig.breakOffButSave === null) return;
    rig.breakOffButSave(3);
    const { ask, store } = harness({ settings: { recoveryMs: 5_000 } });
    const turn = await ask();
    expect((await eventsOf(turn)).at(-1)).toMatchObject({ event: 'message_end', outcome: 'completed' });
    expect(store.turn(turn.turnId)[1]).toMatchObject({ outcome: 'completed', answer: wholeText });
  });

  it('is interrupted if it becomes too long', async () => {
    const { ask, store } = harness({ settings: { maxAnswerChars: 20 } });
    const turn = await ask();
    expect((await eventsOf(turn)).at(-1)).toMatchObject({ event: 'error', code: 'answer-too-long' });
    const [, { answer, outcome }] = store.turn(turn.turnId);
    expect(outcome).toBe('interrupted');
    expect(wholeText.startsWith(answer ?? '-')).toBe(true);
    expect(answer?.length).toBeLessThan(wholeText.length);
  });

  it('gets the prompt, the model and the parameters of the character', async () => {
    const upstream = { ...defaultChoice, ...rig.model, modelParameters: { temperature: 0.2 } };
    const { askToEnd } = harness({ character: { upstream } });
    expect((await askToEnd()).at(-1)).toMatchObject({ event: 'message_end' });
    const { prompt, query: asked, model, temperature } = rig.newest();
    expect([prompt, asked]).toEqual([keeper.prompt, query]);
    expect([model, temperature]).toEqual(
      rig.model === null ? [undefined, undefined] : [rig.model.model, 0.2],
    );
  });

  it('knows the turns before, and forgets a replaced one if the upstream has branches', async () => {
    const { ask, store } = harness();
    const askNext = async (changes: Parameters<typeof ask>[0]) => {
      const turn = await ask(changes);
      await turn.ended;
      return store.turn(turn.turnId)[0];
    };
    await askNext({ query: 'one' });
    const { sessionId } = onlySession(store, ada);
    const session = { sessionId };
    const second = await askNext({ query: 'two', session });
    await askNext({ query: 'three', session });
    expect(rig.newest()).toMatchObject({ query: 'three', earlier: ['one', 'two'] });
    await askNext({ query: 'two, edited', session, supersedes: second.id });
    expect(rig.newest()).toMatchObject({
      query: 'two, edited',
      earlier: rig.upstream.hasBranches ? ['one'] : ['one', 'two', 'three'],
    });
  });
});
