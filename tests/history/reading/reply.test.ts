import type { HistoryRecord } from '../../../src/history/model/record';
import { toRecordedMessages } from '../../../src/history/reading/reply';
import { historyRecord } from '../support/history-records';

const position = { timeMs: 0, id: 'turn-1' };
const messagesOf = (changes: Partial<HistoryRecord>) =>
  toRecordedMessages({ ...historyRecord(changes), position }).map(({ role, content }) => [role, content]);

describe('the messages of a record', () => {
  it('have a role and a content each, whatever was saved', () => {
    const messages = [{ role: 7, content: 'one' }, { role: 'tool' }, 'two', null, ['three']];
    expect(messagesOf({ messages, response: null })).toEqual([
      ['user', 'one'],
      ['tool', null],
      ['user', 'two'],
      ['user', null],
      ['user', ['three']],
    ]);
  });

  it.each([null, 'Calm.', {}, { choices: {} }, { choices: [] }, { choices: [null] }, { choices: [{}] }])(
    'are those that were sent alone where the reply was %j',
    (response) => {
      expect(messagesOf({ response })).toEqual([['user', 'How is the sea?']]);
    },
  );

  it('are of the record that they are of, whatever they say themselves', () => {
    const messages = [{ role: 'user', content: 'one', record_id: 'of bob', error: { code: 'none' } }];
    const [message] = toRecordedMessages({ ...historyRecord({ messages, response: null }), position });
    expect(message).toMatchObject({ record_id: 'turn-1', error: null });
  });
});
