import type { TurnSettings } from '../../../src/chat/settings';
import { composeAnswer } from '../../dify-emulator/answer';
import { toDeltas } from '../../dify-emulator/text';
import { faults, startOpenAiEmulator, type OpenAiEmulator } from '../../openai-emulator';
import { ada, keeper } from '../../chat/support/fixtures';
import { createHarness, eventsOf, shownText } from '../../chat/support/harness';
import { onlySession } from '../../chat/support/memory-turn-store';
import { openAiClient, openAiSettings } from './support/openai';

jest.setTimeout(10_000);

const query = 'How is the sea?';
const deltas = toDeltas(composeAnswer({ prompt: keeper.prompt ?? '', query, earlier: [] }));
const first = (count: number) => deltas.slice(0, count).join('');

/** Longer than a test. So no deadline ends what a stop must end. */
const patient = { firstByteTimeoutMs: 60_000, idleTimeoutMs: 60_000, totalTimeoutMs: 60_000 };

let openai: OpenAiEmulator;

beforeEach(async () => {
  openai = await startOpenAiEmulator();
});

afterEach(async () => {
  await openai.idle();
  await openai.close();
});

function harness(settings: Partial<TurnSettings> = {}) {
  return createHarness({ upstream: openAiClient(openAiSettings(openai, patient)), settings });
}

/** What all upstreams share is in `contract.test.ts`. */
describe('a turn that an OpenAI-compatible server answers', () => {
  it('is saved with its text, its usage and the id of the completion, in the conversation of its session', async () => {
    const { ask, store } = harness();
    const turn = await ask();
    const events = await eventsOf(turn);
    expect(shownText(events)).toBe(deltas.join(''));
    expect(events.at(-1)).toMatchObject({ event: 'message_end', outcome: 'completed' });
    const { sessionId, conversationId } = onlySession(store, ada);
    expect(conversationId).toBe(sessionId);
    expect(store.turn(turn.turnId)).toMatchObject([
      { role: 'user', query, conversationId },
      {
        role: 'assistant',
        answer: deltas.join(''),
        outcome: 'completed',
        messageId: expect.stringMatching(/^chatcmpl-/u),
        conversationId,
        usage: { prompt_tokens: 20, completion_tokens: deltas.length, total_tokens: 20 + deltas.length },
      },
    ]);
  });

  it('is stopped before its first byte: the request ends', async () => {
    openai.next(faults.stall(0));
    const { ask, store } = harness({ stopGraceMs: 60_000 });
    const asked = openai.nextRequest();
    const turn = await ask();
    await asked;
    turn.requestEnd('stop');
    await turn.ended;
    expect(store.turn(turn.turnId)[1]).toMatchObject({ outcome: 'stopped', answer: '' });
    await openai.idle();
  });

  it('that breaks off is interrupted without a search, with the text so far', async () => {
    openai.next(faults.eof(4));
    const { ask, store } = harness({ recoveryMs: 60_000 });
    const turn = await ask();
    expect((await eventsOf(turn)).at(-1)).toMatchObject({ event: 'error', code: 'upstream-interrupted' });
    expect(store.turn(turn.turnId)[1]).toMatchObject({ outcome: 'interrupted', answer: first(4) });
  });
});
