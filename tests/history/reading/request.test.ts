import type { ChatError } from '../../../src/chat/errors';
import { encodePosition, parseMessagePage, parseWhose } from '../../../src/history/reading/request';
import { thrown } from '../../chat/support/collect';

describe('parseWhose', () => {
  it('returns everybody without user_id, and one user with it', () => {
    expect(parseWhose({})).toBe('everybody');
    expect(parseWhose(undefined)).toBe('everybody');
    expect(parseWhose({ user_id: '7' })).toEqual({ id: 7 });
    const documentId = 'ac92oqku2edqhb5jrss3602f';
    expect(parseWhose({ user_id: documentId })).toEqual({ documentId });
  });

  it.each(['', '0', '-7', '7.5', '2147483648', 'ada', ['7', '8']])(
    'throws invalid-request for the user_id %j',
    async (id) => {
      const error = (await thrown(() => parseWhose({ user_id: id }))) as ChatError;
      expect([error.code, error.message.split(' ')[0]]).toEqual(['invalid-request', 'user_id']);
    },
  );
});

describe('cursor of a position', () => {
  it.each(['turn-1', 'with.dots.1', 'two\nlines', '好 😀', 'x'.repeat(255)])(
    'round-trips the id %j',
    (id) => {
      const position = { timeMs: 1_767_323_045_678, id };
      expect(parseMessagePage({ cursor: encodePosition(position) }).after).toEqual(position);
    },
  );

  it('contains no NUL character', () => {
    const cursor = encodePosition({ timeMs: 1, id: 'nul \0' });
    expect(parseMessagePage({ cursor }).after).toEqual({ timeMs: 1, id: 'nul \ufffd' });
  });
});
