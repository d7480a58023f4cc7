import { createIdChanges } from '../../../src/chat/stream/id-changes';
import { envelope, namedEnvelope, said } from '../support/stream-events';

const file = { id: 'f', type: 'image', belongs_to: 'assistant', url: '/f' } as const;

describe('createIdChanges', () => {
  it('finds the first ids, and each change of them', () => {
    const ids = createIdChanges();
    const isNew = [envelope, envelope, namedEnvelope, namedEnvelope, envelope].map((each) =>
      ids.areNew(each),
    );
    expect(isNew).toEqual([true, false, true, false, true]);
  });

  it('waits for an event that can have new ids', () => {
    const ids = createIdChanges();
    ids.isNewIn(said('Hi'));
    const isNew = [
      ids.isNewIn({ event: 'queued', ...namedEnvelope, place: 1 }),
      ids.isNewIn({ event: 'message_file', ...namedEnvelope, ...file }),
      ids.isNewIn({ event: 'message_replace', ...namedEnvelope, answer: 'Ho' }),
      ids.areNew(namedEnvelope),
    ];
    expect(isNew).toEqual([false, false, true, false]);
  });
});
