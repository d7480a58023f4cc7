import { createWireFormat, type TurnIds, type WireFormatOptions } from '../../../src/chat/stream/formatter';
import { ada, keeper, links, message, pirate } from '../support/fixtures';

const ids: TurnIds = {
  turnId: 'turn-1',
  sessionId: 'session-1',
  conversationId: null,
  questionMessageId: 'msg-question',
  answerMessageId: 'msg-answer',
  createdAt: new Date('2026-01-02T03:04:05.678Z'),
  upstreamId: 'dify',
};

function format(changes: Partial<WireFormatOptions> = {}) {
  return createWireFormat({ ids, owner: ada, character: keeper, exposePrompt: true, links, ...changes });
}

const hi = { type: 'delta', text: 'Hi' } as const;
const ended = {
  type: 'ended',
  outcome: 'completed',
  saved: [message({ id: 1, role: 'user' }), message({ id: 2 })],
} as const;

describe('createWireFormat', () => {
  it('uses its own ids before Dify sends ids, and a time in whole seconds', () => {
    expect(format().event({ type: 'started' })).toEqual({
      event: 'turn_started',
      turn_id: 'turn-1',
      task_id: 'turn-1',
      session_id: 'session-1',
      conversation_id: null,
      message_id: 'msg-answer',
      question_message_id: 'msg-question',
      created_at: 1_767_323_045,
    });
  });

  it('uses the ids of Dify once they are known, and its own ids if Dify has none', () => {
    const wire = format();
    wire.identify({ messageId: undefined, conversationId: 'c' });
    expect(wire.event(hi)).toMatchObject({
      conversation_id: 'c',
      message_id: 'msg-answer',
      id: 'msg-answer',
    });
    wire.identify({ messageId: 'm', conversationId: undefined });
    expect(wire.event(hi)).toMatchObject({ conversation_id: 'c', message_id: 'm', id: 'm' });
  });

  it('does not change the ids of the turn, the session and the question', () => {
    const wire = format();
    wire.identify({ messageId: 'm', conversationId: 'c' });
    expect(wire.event({ type: 'started' })).toMatchObject({
      turn_id: 'turn-1',
      task_id: 'turn-1',
      session_id: 'session-1',
      question_message_id: 'msg-question',
      created_at: 1_767_323_045,
    });
  });

  it('knows the conversation of a continued session from the first event', () => {
    const wire = format({ ids: { ...ids, conversationId: 'c' } });
    expect(wire.event({ type: 'started' })).toMatchObject({ conversation_id: 'c' });
  });

  it('does not change earlier events', () => {
    const wire = format();
    const before = wire.event(hi);
    wire.identify({ messageId: 'm', conversationId: 'c' });
    expect(before).toMatchObject({ conversation_id: null, message_id: 'msg-answer' });
  });

  it('returns the end with both messages, the owner and the character', () => {
    expect(format().event(ended)).toMatchObject({
      event: 'message_end',
      data: [
        { id: 1, user: ada, ai_character: { id: keeper.id, prompt: keeper.prompt } },
        { id: 2, user: ada, ai_character: { id: keeper.id } },
      ],
    });
  });

  it('hides the prompt if the settings say so', () => {
    const told = JSON.stringify(format({ exposePrompt: false }).event(ended));
    expect(told).not.toContain('prompt');
    expect(told).toContain(keeper.introduce);
  });

  it.each([
    ['is deleted', null],
    ['is another', pirate],
  ])('shows no character if the message’s own %s', (_name, character) => {
    expect(format({ character }).event(ended)).toMatchObject({
      data: [{ ai_character: null }, { ai_character: null }],
    });
  });
});
