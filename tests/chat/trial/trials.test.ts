import type { TrialEvent, Trials } from '../../../src/chat/trial/trials';
import { createTrials } from '../../../src/chat/trial/trials';
import { startOpenAiEmulator, type OpenAiEmulator } from '../../openai-emulator';
import { openAiClient, openAiSettings } from '../../upstream/openai/support/openai';
import { until } from '../../support/until';
import { keeper } from '../support/fixtures';
import { createMemoryTrialStore } from '../support/memory-trial-store';
import { oneUpstream } from '../support/one-upstream';

const character = { ...keeper, prompt: 'You are Ada.' };
const tried = { side: 'draft', version: 3, hash: 'hash of the draft' } as const;

let openai: OpenAiEmulator;
let trials: Trials;
let store: ReturnType<typeof createMemoryTrialStore>;

beforeEach(async () => {
  openai = await startOpenAiEmulator();
  store = createMemoryTrialStore();
  trials = createTrials({
    store,
    upstreams: oneUpstream(openAiClient(openAiSettings(openai), []), 'openai'),
    maxAnswerChars: 1_000,
    stopGraceMs: 1_000,
    conversations: { add: async () => undefined },
    log: { warn: () => undefined },
  });
});
afterEach(async () => {
  await openai.idle();
  await openai.close();
});

const question = (thread: string | null, query: string) => ({ thread, adminId: 7, character, tried, query });

async function ask(thread: string | null, query: string, leave = new AbortController().signal) {
  const events: TrialEvent[] = [];
  await trials.ask(question(thread, query), (event) => void events.push(event), leave);
  return events;
}

/** Lets the upstream begin an answer that does not end. */
function answerWithoutEnd(): void {
  openai.next(async (reply) => {
    await reply.say('Hel');
    await reply.closed;
  });
}

const sentTexts = () =>
  (openai.requests.at(-1)?.body as { messages: { content: string }[] }).messages.map(
    ({ content }) => content,
  );

describe('a trial of an upstream that keeps no conversations', () => {
  it('sends the earlier questions and answers of its thread only', async () => {
    const first = await ask('one', 'Who are you?');
    const answer = first.map((event) => (event.type === 'delta' ? event.text : '')).join('');
    await ask('one', 'And then?');
    expect(sentTexts()).toEqual([expect.any(String), 'Who are you?', answer, 'And then?']);
    await ask('two', 'Hello?');
    expect(sentTexts()).toEqual([expect.any(String), 'Hello?']);
    await trials.clear('one');
    await ask('one', 'Again?');
    expect(sentTexts()).toEqual([expect.any(String), 'Again?']);
  });

  it('closes its request when the editor leaves, and ends as stopped', async () => {
    const leaving = new AbortController();
    let isClosed = false;
    openai.next(async (reply) => {
      await reply.say('Hel');
      await reply.closed;
      isClosed = true;
    });
    const events: TrialEvent[] = [];
    const asking = trials.ask(
      question('one', 'Hi'),
      (event) => {
        events.push(event);
        leaving.abort();
      },
      leaving.signal,
    );
    await asking;
    expect(events.at(-1)).toMatchObject({ type: 'ended', outcome: 'stopped' });
    await until(() => isClosed);
  });

  it('ends as failed if the answer is too long', async () => {
    openai.next(async (reply) => {
      await reply.say('x'.repeat(1_001));
      await reply.closed;
    });
    const events = await ask('one', 'Hi');
    expect(events.at(-1)).toMatchObject({ outcome: 'failed', error: expect.stringMatching(/\w+/u) });
  });
});

describe('the history of trials', () => {
  it('has the question, the answer, who asked, and what was tried, before the editor gets the end', async () => {
    let savedAtEnd = 0;
    let text = '';
    await trials.ask(
      question('one', 'Who are you?'),
      (event) => {
        if (event.type === 'delta') text += event.text;
        if (event.type === 'ended') savedAtEnd = store.saved.length;
      },
      new AbortController().signal,
    );
    expect(savedAtEnd).toBe(1);
    expect(store.saved[0]).toMatchObject({
      thread: 'one',
      adminId: 7,
      characterId: character.documentId,
      tried,
      query: 'Who are you?',
      answer: text,
      outcome: 'completed',
      error: null,
      usage: { total_tokens: expect.any(Number) },
      upstreamId: 'openai',
    });
  });

  it('has the code and the sentence of an error', async () => {
    openai.next(async (reply) => {
      await reply.say('x'.repeat(1_001));
      await reply.closed;
    });
    await ask('one', 'Hi');
    const error = { code: 'answer-too-long', sentence: expect.stringMatching(/\w+/u), detail: null };
    expect(store.saved[0]).toMatchObject({ outcome: 'failed', error });
  });

  it('has the text so far of an answer that the shutdown stops', async () => {
    answerWithoutEnd();
    const events: TrialEvent[] = [];
    const asking = trials.ask(
      question('one', 'Hi'),
      (event) => void events.push(event),
      new AbortController().signal,
    );
    await until(() => events.length > 0);
    await trials.stop();
    expect(store.saved[0]).toMatchObject({ outcome: 'stopped', answer: 'Hel' });
    await asking;
  });

  it('takes no answer into a thread that was cleared while it ran', async () => {
    answerWithoutEnd();
    const leaving = new AbortController();
    const events: TrialEvent[] = [];
    const asking = trials.ask(question('one', 'Hi'), (event) => void events.push(event), leaving.signal);
    await until(() => events.length > 0);
    await trials.clear('one');
    leaving.abort();
    await asking;
    expect(store.saved[0]?.thread).toBeNull();
    await ask('one', 'Hello?');
    expect(sentTexts()).toEqual([expect.any(String), 'Hello?']);
  });

  it('ends the answer although it cannot be saved', async () => {
    store.save = () => Promise.reject(new Error('no disk'));
    expect((await ask('one', 'Hi')).at(-1)).toMatchObject({ type: 'ended', outcome: 'completed' });
  });
});
