import { createReplyTranslator } from '../../../src/upstream/dify/reply-event';
import type { ReplyEvent } from '../../../src/chat/ports/upstream';
import { parseFrame } from '../../../src/upstream/dify/schema';
import { thrown } from '../../chat/support/collect';
import { textOf } from '../../chat/support/dify';

type Fields = Readonly<Record<string, unknown>>;

/** The frames as Dify writes them, translated in their order. */
function translate(...frames: readonly Fields[]): ReplyEvent[] {
  const toReplyEvents = createReplyTranslator();
  return frames.flatMap((fields) => {
    const frame = parseFrame(JSON.stringify(fields));
    if (frame === null) throw new Error('That is no frame.');
    return toReplyEvents(frame);
  });
}

const delta = (text: string): ReplyEvent => ({ type: 'delta', text });
const ids = { task_id: 't', message_id: 'm', conversation_id: 'c' };
const identified: ReplyEvent = { type: 'identified', taskId: 't', messageId: 'm', conversationId: 'c' };

describe('createReplyTranslator', () => {
  it('tells the ids once, from the first frame that has any, and before its text', () => {
    expect(
      translate(
        { event: 'message', answer: 'Hel' },
        { event: 'message', answer: 'lo', ...ids },
        { event: 'message', answer: '!', ...ids, message_id: 'other' },
      ),
    ).toEqual([delta('Hel'), identified, delta('lo'), delta('!')]);
  });

  it('takes the ids from a frame that means nothing else', () => {
    expect(translate({ event: 'agent_thought', thought: '', ...ids })).toEqual([identified]);
    expect(translate({ event: 'workflow_started', conversation_id: 'c' })).toEqual([
      { type: 'identified', taskId: undefined, messageId: undefined, conversationId: 'c' },
    ]);
  });

  it('tells no ids where a frame has only a task', () => {
    expect(translate({ event: 'message', answer: 'Hi', task_id: 't' })).toEqual([delta('Hi')]);
  });

  it('takes the text of message and agent_message', () => {
    expect(translate({ event: 'message', answer: 'Hi' })).toEqual([delta('Hi')]);
    expect(translate({ event: 'agent_message', answer: 'Hi' })).toEqual([delta('Hi')]);
  });

  it.each([[''], [null], [undefined], [7]])('makes no event of the answer %j', (answer) => {
    for (const event of ['message', 'agent_message', 'message_file']) {
      expect(translate({ event, answer })).toEqual([]);
    }
  });

  it('ignores an agent’s thoughts, which repeat its text', () => {
    expect(translate({ event: 'agent_thought', thought: 'Hi', answer: 'Hi' })).toEqual([]);
  });

  it('takes the text of a message_file without a url, and nothing of a file', () => {
    expect(translate({ event: 'message_file', answer: 'Hi' })).toEqual([delta('Hi')]);
    expect(translate({ event: 'message_file', answer: 'Hi', url: null })).toEqual([delta('Hi')]);
    expect(translate({ event: 'message_file', answer: 'Hi', url: '' })).toEqual([delta('Hi')]);
    expect(translate({ event: 'message_file', url: '/files/sea.png', type: 'image' })).toEqual([]);
    expect(translate({ event: 'message_file', url: '/files/sea.png', answer: 'Hi' })).toEqual([]);
  });

  it('replaces the text by that of message_replace', () => {
    expect(translate({ event: 'message_replace', answer: 'Hi' })).toEqual([{ type: 'replaced', text: 'Hi' }]);
    expect(translate({ event: 'message_replace' })).toEqual([{ type: 'replaced', text: '' }]);
  });

  describe('of a new agent, which repeats its whole text in one message,', () => {
    it('shows the text once', () => {
      const events = translate(
        { event: 'agent_message', answer: 'Hel' },
        { event: 'agent_message', answer: 'lo' },
        { event: 'message', answer: 'Hello' },
      );
      expect(textOf(events)).toBe('Hello');
    });

    it('shows what the repetition has beyond the text so far', () => {
      const events = translate(
        { event: 'agent_message', answer: 'Hello' },
        { event: 'message', answer: 'Hello, Ada.' },
      );
      expect(textOf(events)).toBe('Hello, Ada.');
    });

    it('adds a message that is no repetition', () => {
      const events = translate(
        { event: 'agent_message', answer: 'Hello' },
        { event: 'message', answer: ' Bye' },
      );
      expect(textOf(events)).toBe('Hello Bye');
    });

    it('takes no repetition for one where there was no agent_message', () => {
      const events = translate({ event: 'message', answer: 'ha' }, { event: 'message', answer: 'ha' });
      expect(textOf(events)).toBe('haha');
    });

    it('shows a replaced text once', () => {
      const events = translate(
        { event: 'agent_message', answer: 'Hello' },
        { event: 'message_replace', answer: 'Let us not.' },
        { event: 'message', answer: 'Let us not.' },
      );
      expect(textOf(events)).toBe('Let us not.');
    });
  });

  it('completes with the usage, or without one', () => {
    expect(translate({ event: 'message_end', metadata: { usage: { total_tokens: 3 } } })).toEqual([
      { type: 'completed', usage: { total_tokens: 3 } },
    ]);
    for (const metadata of [undefined, null, {}, { usage: null }]) {
      expect(translate({ event: 'message_end', metadata })).toEqual([{ type: 'completed', usage: null }]);
    }
  });

  it.each([
    'ping',
    'tts_message',
    'tts_message_end',
    'workflow_started',
    'workflow_finished',
    'workflow_paused',
    'node_started',
    'node_finished',
    'iteration_next',
    'loop_completed',
    'agent_log',
    'reasoning_chunk',
    'text_chunk',
    'human_input_required',
    'weather_report',
    'constructor',
    '',
  ])('makes nothing of the event "%s", though it has text', (event) => {
    expect(translate({ event, answer: 'Hi', data: { text: 'Hi' } })).toEqual([]);
  });

  it('makes text storable', () => {
    for (const event of ['message', 'agent_message', 'message_file', 'message_replace']) {
      expect(textOf(translate({ event, answer: 'a\0b\ud83d' }))).toBe('a\uFFFDb\uFFFD');
    }
  });

  it('makes ids storable, at the length they have', () => {
    const [event] = translate({
      event: 'message',
      task_id: 'a\0b',
      message_id: '\ud83d',
      conversation_id: `${'x'.repeat(254)}\0`,
    });
    expect(event).toEqual({
      type: 'identified',
      taskId: 'a\uFFFDb',
      messageId: '\uFFFD',
      conversationId: `${'x'.repeat(254)}\uFFFD`,
    });
  });

  it.each([
    [{ code: 'provider_quota_exceeded', status: 400 }, 'upstream-quota-exceeded'],
    [{ code: 'unheard_of', status: 503 }, 'upstream-busy'],
    [{ status: 429 }, 'upstream-busy'],
    [{}, 'upstream-failed'],
    [{ code: null, status: null, message: null }, 'upstream-failed'],
  ])('throws what an error event with %j means', async (fields, code) => {
    expect(await thrown(() => translate({ event: 'error', ...fields }))).toMatchObject({
      name: 'ChatError',
      code,
    });
  });
});
