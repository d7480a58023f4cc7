import type { TrialEvent, Trials } from '../../../src/chat/trial/trials';
import { createTrials } from '../../../src/chat/trial/trials';
import { startOpenAiEmulator, type OpenAiEmulator } from '../../openai-emulator';
import { openAiClient, openAiSettings } from '../../upstream/openai/support/openai';
import { until } from '../../support/until';
import { keeper } from '../support/fixtures';
import { oneUpstream } from '../support/one-upstream';

const character = { ...keeper, prompt: 'You are Ada.' };

let openai: OpenAiEmulator;
let trials: Trials;

beforeEach(async () => {
  openai = await startOpenAiEmulator();
  trials = createTrials({
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

async function ask(thread: string, query: string, leave = new AbortController().signal) {
  const events: TrialEvent[] = [];
  await trials.ask({ thread, character, query }, (event) => void events.push(event), leave);
  return events;
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
    trials.clear('one');
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
      { thread: 'one', character, query: 'Hi' },
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
