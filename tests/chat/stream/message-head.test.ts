import { toMessageEvent } from '../../../src/chat/contract/stream-event';
import { encodeCompactMessage, encodeMessage, toMessageHead } from '../../../src/chat/stream/message-head';
import { namedEnvelope as envelope } from '../support/stream-events';

describe('encodeMessage', () => {
  it.each(['Hi', '', '"\\\n\u2028', '🌊', '\ud800', '""}'])(
    'returns the JSON of the message event with %j',
    (text) => {
      expect(encodeMessage(toMessageHead(envelope), text)).toBe(
        JSON.stringify(toMessageEvent(envelope, text)),
      );
    },
  );

  it.each(['Hi', '', '"\\\n\u2028', '\ud800'])('has a compact form that has only the text %j', (answer) => {
    expect(encodeCompactMessage(answer)).toBe(JSON.stringify({ event: 'message', answer }));
  });

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
