import { createReplyTranslator } from '../../../src/upstream/dify/reply-event';
import type { AddEvents } from '../../../src/upstream/http/read-reply';
import type { ReplyEvent } from '../../../src/chat/ports/upstream';
import { parseFrame } from '../../../src/upstream/dify/schema';
import { thrown } from '../../chat/support/collect';
import { textOf } from '../../chat/support/dify';

type Fields = Readonly<Record<string, unknown>>;

/** Translates frames of Dify in their order. */
function translate(...frames: readonly Fields[]): ReplyEvent[] {
  const events: ReplyEvent[] = [];
  read(frames, (more) => events.push(...more));
  return events;
}

function read(frames: readonly Fields[], add: AddEvents): void {
  const translator = createReplyTranslator({ maxLateChars: 1_000, apiKey: 'app-emulated' });
  for (const fields of frames) {
    const frame = parseFrame(JSON.stringify(fields), translator.isIdentified());
    if (frame === null) throw new Error('This is not a frame.');
    translator.read(frame, add);
  }
}

const delta = (text: string): ReplyEvent => ({ type: 'delta', text });
const ids = { task_id: 't', message_id: 'm', conversation_id: 'c' };
const identified: ReplyEvent = { type: 'identified', taskId: 't', messageId: 'm', conversationId: 'c' };

describe('createReplyTranslator', () => {
  it('reports the ids once, from the first frame that has any, before its text', () => {
    expect(
      translate(
        { event: 'message', answer: 'Hel' },
        { event: 'message', answer: 'lo', ...ids },
        { event: 'message', answer: '!', ...ids, message_id: 'other' },
      ),
    ).toEqual([delta('Hel'), identified, delta('lo'), delta('!')]);
  });

  it('reads the ids from a frame that it otherwise ignores', () => {
    expect(translate({ event: 'agent_thought', thought: '', ...ids })).toEqual([identified]);
    expect(translate({ event: 'workflow_started', conversation_id: 'c' })).toEqual([
      { type: 'identified', taskId: undefined, messageId: undefined, conversationId: 'c' },
    ]);
  });

  it('reports no ids for a frame that has only a task id', () => {
    expect(translate({ event: 'message', answer: 'Hi', task_id: 't' })).toEqual([delta('Hi')]);
  });

  it('reads the text of message and agent_message', () => {
    expect(translate({ event: 'message', answer: 'Hi' })).toEqual([delta('Hi')]);
    expect(translate({ event: 'agent_message', answer: 'Hi' })).toEqual([delta('Hi')]);
  });

  it.each([[''], [null], [undefined], [7]])('returns no event for the answer %j', (answer) => {
    for (const event of ['message', 'agent_message', 'message_file']) {
      expect(translate({ event, answer })).toEqual([]);
    }
  });

  it('ignores the thoughts of an agent, which repeat its text', () => {
    expect(translate({ event: 'agent_thought', thought: 'Hi', answer: 'Hi' })).toEqual([]);
  });

  it('reads the text of a message_file without a url, and ignores a real file', () => {
    expect(translate({ event: 'message_file', answer: 'Hi' })).toEqual([delta('Hi')]);
    expect(translate({ event: 'message_file', answer: 'Hi', url: null })).toEqual([delta('Hi')]);
    expect(translate({ event: 'message_file', answer: 'Hi', url: '' })).toEqual([delta('Hi')]);
    expect(translate({ event: 'message_file', url: '/files/sea.png', type: 'image' })).toEqual([]);
    expect(translate({ event: 'message_file', url: '/files/sea.png', answer: 'Hi' })).toEqual([]);
  });

  it('replaces the text with that of message_replace', () => {
    expect(translate({ event: 'message_replace', answer: 'Hi' })).toEqual([{ type: 'replaced', text: 'Hi' }]);
    expect(translate({ event: 'message_replace' })).toEqual([{ type: 'replaced', text: '' }]);
  });

  describe('for a new agent, which repeats its whole text in one message,', () => {
    it('shows the text once', () => {
      const events = translate(
        { event: 'agent_message', answer: 'Hel' },
        { event: 'agent_message', answer: 'lo' },
        { event: 'message', answer: 'Hello' },
      );
      expect(textOf(events)).toBe('Hello');
    });

    it('shows the additional text of the repetition', () => {
      const events = translate(
        { event: 'agent_message', answer: 'Hello' },
        { event: 'message', answer: 'Hello, Ada.' },
      );
      expect(textOf(events)).toBe('Hello, Ada.');
    });

    it('appends a message that is not a repetition', () => {
      const events = translate(
        { event: 'agent_message', answer: 'Hello' },
        { event: 'message', answer: ' Bye' },
      );
      expect(textOf(events)).toBe('Hello Bye');
    });

    it('keeps repeated messages if no agent_message came before', () => {
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

  describe('for text that comes only at the end,', () => {
    const end = { event: 'message_end' };
    const finished = (outputs: unknown) => ({
      event: 'workflow_finished',
      data: { status: 'succeeded', outputs },
    });
    const step = (id: string, thought: string, tool = '') => ({ event: 'agent_thought', id, thought, tool });
    const hi = [delta('Hi')];

    it.each<[string, readonly ReplyEvent[], readonly Fields[]]>([
      ['the outputs of a workflow', hi, [finished({ answer: 'Hi' }), end]],
      ['an output of another name', hi, [finished({ text: 'Hi' }), end]],
      ['outputs after message_end', hi, [{ event: 'workflow_started' }, end, finished({ answer: 'Hi' })]],
      ['the steps of an agent', [delta('Hm. Hi')], [step('1', 'Hm. ', 'search'), step('2', 'Hi'), end]],
      ['the last state of a step', hi, [step('1', ''), step('1', 'Hi'), end]],
      ['no steps before the last one, which calls no tool', [], [step('1', 'Hm. ', 'search'), end]],
      ['no steps if the last one has no text', [], [step('1', 'Hm. '), step('2', ''), end]],
      ['nothing if pieces came', hi, [{ event: 'message', answer: 'Hi' }, finished({ answer: 'Hi' }), end]],
      ['no thought if pieces came', hi, [{ event: 'agent_message', answer: 'Hi' }, step('1', 'Hi'), end]],
      [
        'nothing if the text was taken back',
        [{ type: 'replaced', text: '' }],
        [{ event: 'message_replace', answer: '' }, finished({ answer: 'Hi' }), end],
      ],
      ['outputs of other types', [], [finished({ answer: ['Hi'] }), end]],
      ['no outputs', [], [finished(null), end]],
    ])('reads %s', (_name, text, frames) => {
      expect(translate(...frames)).toEqual([...text, { type: 'completed', usage: null }]);
    });

    const isUnread = { code: 'upstream-interrupted', cause: { code: 'ANSWER_UNREAD' } };

    it.each<[string, readonly Fields[]]>([
      ['outputs', [{ event: 'workflow_finished' }, end]],
      ['outputs after message_end', [{ event: 'workflow_started' }, end, { event: 'workflow_finished' }]],
      ['a step', [step('1', 'Hm.'), { event: 'agent_thought' }, end]],
      ['many long steps', [...[...Array(30).keys()].map((id) => step(`${id}`, 'x'.repeat(40))), end]],
    ])('breaks off if the frame of %s was too long', async (_name, frames) => {
      expect(await thrown(() => translate(...frames))).toMatchObject(isUnread);
    });

    it('reads a step that grows often, whatever all its states need', () => {
      const states = [...Array(500).keys()].map((length) => step('1', 'x'.repeat(length)));
      expect(textOf(translate(...states, end))).toBe('x'.repeat(499));
    });
  });

  it('completes with or without usage', () => {
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
  ])('ignores the event "%s", even if it has text', (event) => {
    expect(translate({ event, answer: 'Hi', data: { text: 'Hi' } })).toEqual([]);
  });

  it('makes text storable', () => {
    for (const event of ['message', 'agent_message', 'message_file', 'message_replace']) {
      expect(textOf(translate({ event, answer: 'a\0b\ud83d' }))).toBe('a\uFFFDb\uFFFD');
    }
  });

  it('makes ids storable and keeps their length', () => {
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

  it('reports the ids of an error event before it throws', async () => {
    const events: ReplyEvent[] = [];
    const failed = () => read([{ event: 'error', ...ids }], (more) => events.push(...more));
    expect(await thrown(failed)).toMatchObject({ code: 'upstream-failed' });
    expect(events).toEqual([identified]);
  });

  it.each([
    [{ code: 'provider_quota_exceeded', status: 400 }, 'upstream-quota-exceeded'],
    [{ code: 'unheard_of', status: 503 }, 'upstream-busy'],
    [{ status: 429 }, 'upstream-busy'],
    [{}, 'upstream-failed'],
    [{ code: null, status: null, message: null }, 'upstream-failed'],
  ])('throws for an error event with %j the code %s', async (fields, code) => {
    expect(await thrown(() => translate({ event: 'error', ...fields }))).toMatchObject({
      name: 'ChatError',
      code,
    });
  });
});
