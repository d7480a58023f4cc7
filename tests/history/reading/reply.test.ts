import type { HistoryRecord } from '../../../src/history/model/record';
import { toRecordedMessages } from '../../../src/history/reading/reply';
import { historyRecord } from '../support/history-records';

const position = { timeMs: 0, id: 'turn-1' };
const messagesOf = (changes: Partial<HistoryRecord>) =>
  toRecordedMessages({ ...historyRecord(changes), position }).map(({ role, content }) => [role, content]);

describe('toRecordedMessages', () => {
  it('gives every message a role and a content, whatever was saved', () => {
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
    'returns the question alone when the response was %j',
    (response) => {
      expect(messagesOf({ response })).toEqual([['user', 'How is the sea?']]);
    },
  );

  it('takes record_id and error from the record, not from the saved message', () => {
    const messages = [{ role: 'user', content: 'one', record_id: 'of bob', error: { code: 'none' } }];
    const [message] = toRecordedMessages({ ...historyRecord({ messages, response: null }), position });
    expect(message).toMatchObject({ record_id: 'turn-1', error: null });
  });
});
