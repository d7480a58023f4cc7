import type { ChatError } from '../../../src/chat/errors';
import { encodePosition, parseMessagePage, parseWhose } from '../../../src/history/reading/request';
import { thrown } from '../../chat/support/collect';

describe('whose history an administrator sees', () => {
  it('is everybody’s, unless a user is named', () => {
    expect(parseWhose({})).toBe('everybody');
    expect(parseWhose(undefined)).toBe('everybody');
    expect(parseWhose({ user_id: '7' })).toEqual({ id: 7 });
    const documentId = 'ac92oqku2edqhb5jrss3602f';
    expect(parseWhose({ user_id: documentId })).toEqual({ documentId });
  });

  it.each(['', '0', '-7', '7.5', '2147483648', 'ada', ['7', '8']])(
    'is nobody’s by the user %j',
    async (id) => {
      const error = (await thrown(() => parseWhose({ user_id: id }))) as ChatError;
      expect([error.code, error.message.split(' ')[0]]).toEqual(['invalid-request', 'user_id']);
    },
  );
});

describe('a position', () => {
  it.each(['turn-1', 'with.dots.1', 'two\nlines', '好 😀', 'x'.repeat(255)])('of %j is read back', (id) => {
    const position = { timeMs: 1_767_323_045_678, id };
    expect(parseMessagePage({ cursor: encodePosition(position) }).after).toEqual(position);
  });

  it('holds nothing that a database does not take', () => {
    const cursor = encodePosition({ timeMs: 1, id: 'nul \0' });
    expect(parseMessagePage({ cursor }).after).toEqual({ timeMs: 1, id: 'nul \ufffd' });
  });
});
