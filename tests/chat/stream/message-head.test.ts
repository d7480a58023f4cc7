import { toMessageEvent, type Envelope } from '../../../src/chat/contract/stream-event';
import { encodeMessage, toMessageHead } from '../../../src/chat/stream/message-head';

const envelope: Envelope = {
  turn_id: 'turn-1',
  task_id: 'turn-1',
  session_id: 'session-1',
  conversation_id: 'c',
  message_id: 'm',
  created_at: 1_767_323_045,
};

describe('encodeMessage', () => {
  it.each(['Hi', '', '"\\\n\u2028', '🌊', '\ud800', '""}'])(
    'returns the JSON of the message event with %j',
    (text) => {
      expect(encodeMessage(toMessageHead(envelope), text)).toBe(
        JSON.stringify(toMessageEvent(envelope, text)),
      );
    },
  );

  it('keeps null for an id that Dify has not sent', () => {
    const unnamed = { ...envelope, conversation_id: null };
    expect(JSON.parse(encodeMessage(toMessageHead(unnamed), 'Hi'))).toEqual({
      event: 'message',
      ...unnamed,
      id: 'm',
      answer: 'Hi',
    });
  });
});
