import type { Message } from 'character-chat-client';

import { groupMessages } from '../../../../web/messages/thread/group';

let ids = 0;
const exchange = (turn: string, parent: string | null = null) => [
  { id: ++ids, role: 'user', turn_id: turn, message_id: `q-${turn}`, parent_message_id: parent } as Message,
  { id: ++ids, role: 'assistant', turn_id: turn, message_id: `a-${turn}` } as Message,
];
const keysOf = (messages: readonly Message[]) =>
  groupMessages(messages, null, null).map((versions) => versions.map(({ key }) => key));

describe('groupMessages', () => {
  it('pairs each question with its answer', () => {
    const [versions] = groupMessages(exchange('one'), null, null);
    expect(versions?.[0]).toMatchObject({
      question: { message_id: 'q-one' },
      answer: { message_id: 'a-one' },
    });
  });

  it('puts further answers to the last question together', () => {
    expect(keysOf([...exchange('one'), ...exchange('two', 'q-one'), ...exchange('three')])).toEqual([
      ['one', 'two'],
      ['three'],
    ]);
  });

  it('leaves a question in its place that is asked again after other questions', () => {
    expect(keysOf([...exchange('one'), ...exchange('two'), ...exchange('three', 'q-one')])).toEqual([
      ['one'],
      ['two'],
      ['three'],
    ]);
  });
});
