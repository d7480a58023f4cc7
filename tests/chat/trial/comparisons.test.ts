import { createComparisons, type Comparisons } from '../../../src/chat/trial/comparisons';
import { createTrials } from '../../../src/chat/trial/trials';
import { startOpenAiEmulator, type OpenAiEmulator } from '../../openai-emulator';
import { openAiClient, openAiSettings } from '../../upstream/openai/support/openai';
import { until } from '../../support/until';
import { keeper } from '../support/fixtures';
import { createMemoryComparisonStore, createMemoryTrialStore } from '../support/memory-trial-store';
import { oneUpstream } from '../support/one-upstream';

const prompt = (text: string, version: number) => ({
  character: { ...keeper, prompt: text },
  tried: { side: 'version', version, hash: `hash ${version}` } as const,
});
const one = prompt('You are Ada.', 1);
const other = prompt('You are Grace.', 2);

let openai: OpenAiEmulator;
let comparisons: Comparisons;
let trialStore: ReturnType<typeof createMemoryTrialStore>;

beforeEach(async () => {
  openai = await startOpenAiEmulator();
  trialStore = createMemoryTrialStore();
  const log = { warn: () => undefined };
  const trials = createTrials({
    upstreams: oneUpstream(openAiClient(openAiSettings(openai), []), 'openai'),
    store: trialStore,
    maxAnswerChars: 10_000,
    stopGraceMs: 50,
    conversations: { add: async () => undefined },
    log,
  });
  comparisons = createComparisons({ trials, store: createMemoryComparisonStore(), log, maxAnswerMs: 1_500 });
});
afterEach(async () => {
  await comparisons.stop();
  await openai.idle();
  await openai.close();
});

const start = async (questions: string[], adminId = 7) =>
  (await comparisons.start({ adminId, one, other, questions })) ?? '';

async function resultOf(id: string) {
  await until(async () => (await comparisons.find(7, id))?.state !== 'running');
  return comparisons.find(7, id);
}

/** Lets the upstream begin an answer that does not end. */
function answerWithoutEnd(): void {
  openai.next(async (reply) => {
    await reply.say('Hel');
    await reply.closed;
  });
}

describe('a comparison', () => {
  it('asks both prompts every question, each in a conversation of its own', async () => {
    const result = await resultOf(await start(['Who are you?', 'And then?']));
    expect(result?.state).toBe('completed');
    expect(result?.answers.map(({ question }) => question)).toEqual(['Who are you?', 'And then?']);
    for (const { one: first, other: second } of result?.answers ?? [])
      for (const side of [first, second])
        expect(side).toMatchObject({ outcome: 'completed', error: null, isCut: false });
    const sent = openai.requests.map(({ body }) => (body as { messages: { content: string }[] }).messages);
    expect(sent.map((messages) => messages.map(({ content }) => content).join(' ')).sort()).toEqual([
      'You are Ada. And then?',
      'You are Ada. Who are you?',
      'You are Grace. And then?',
      'You are Grace. Who are you?',
    ]);
    expect(trialStore.saved).toHaveLength(4);
  });

  it('runs once at a time for an administrator, and only that one can read it', async () => {
    answerWithoutEnd();
    answerWithoutEnd();
    const id = await start(['Hi']);
    expect(await comparisons.start({ adminId: 7, one, other, questions: ['Hi'] })).toBeNull();
    const others = await start(['Hi'], 8);
    expect(others).not.toBe('');
    expect(await comparisons.find(8, id)).toBeNull();
    await resultOf(id);
    expect(await start(['Hi'])).not.toBe('');
  });

  it('stops an answer that takes too long, and goes on', async () => {
    answerWithoutEnd();
    answerWithoutEnd();
    const result = await resultOf(await start(['Slow?', 'Quick?']));
    expect(result?.answers.map((answer) => answer.one.outcome)).toEqual(['stopped', 'completed']);
    expect(result?.state).toBe('completed');
  });

  it('cuts a long answer', async () => {
    openai.next(async (reply) => {
      await reply.say('x'.repeat(4_001));
      await reply.end();
    });
    const result = await resultOf(await start(['Hi']));
    const sides = [result?.answers[0]?.one, result?.answers[0]?.other];
    expect(sides.find((side) => side?.isCut)?.answer).toHaveLength(4_000);
  });

  it('is interrupted by a shutdown, and keeps the answers so far', async () => {
    const id = await start(['First?', 'Second?', 'Third?']);
    await until(async () => (await comparisons.find(7, id))?.answers.length === 1);
    answerWithoutEnd();
    answerWithoutEnd();
    await comparisons.stop();
    expect(await comparisons.find(7, id)).toMatchObject({ state: 'interrupted' });
  });
});
