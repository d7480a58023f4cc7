import { fingerprintOf } from '../../../src/chat/turn/idempotency';
import { parseIdempotencyKey } from '../../../src/chat/contract/question';
import type { Question } from '../../../src/chat/model/question';
import { thrown } from '../support/collect';
import { bob } from '../support/fixtures';
import { questionOf } from '../support/harness';

describe('parseIdempotencyKey', () => {
  it.each(['8e03978e-40d5-43e8-bc93-6894a57f9324', '"quoted"', 'k', '~'.repeat(255)])('accepts %j', (key) => {
    expect(parseIdempotencyKey(key)).toBe(key);
  });

  it('returns undefined for a missing header', () => {
    expect(parseIdempotencyKey('')).toBeUndefined();
  });

  it.each(['two words', 'é', 'tab\t', '~'.repeat(256), '\u0000'])('rejects %j', async (key) => {
    const error = await thrown(Promise.resolve().then(() => parseIdempotencyKey(key)));
    expect(error).toMatchObject({ code: 'invalid-request' });
  });
});

describe('fingerprintOf', () => {
  const question: Question = {
    ...questionOf('How is the sea?'),
    inputs: { a: { x: 1, y: [1, 2] }, b: null },
  };
  const of = (changes: Partial<Question> = {}) => fingerprintOf({ ...question, ...changes });

  it('is the same for the same question with any order of its inputs', () => {
    expect(of()).toMatch(/^[0-9a-f]{64}$/u);
    expect(of({ inputs: { b: null, a: { y: [1, 2], x: 1 } } })).toBe(of());
    expect(of({ session: { sessionId: undefined, conversationId: undefined } })).toBe(of());
  });

  it('does not depend on the order of keys in a list of objects, but on the order of the list', () => {
    const listing = (...items: readonly unknown[]) => of({ inputs: { a: [items] } });
    expect(listing({ x: 1, y: 2 }, { x: 3 })).toBe(listing({ y: 2, x: 1 }, { x: 3 }));
    expect(listing({ x: 1, y: 2 }, { x: 3 })).not.toBe(listing({ x: 3 }, { x: 1, y: 2 }));
  });

  it('does not depend on the owner, because each owner has separate keys', () => {
    expect(of({ owner: bob })).toBe(of());
  });

  it.each<[string, Partial<Question>]>([
    ['the text', { query: 'How is the sea now?' }],
    ['the character', { characterId: 'another' }],
    ['the session', { session: { sessionId: 's' } }],
    ['the conversation', { session: { conversationId: 's' } }],
    ['an input', { inputs: { a: { x: 1, y: [2, 1] }, b: null } }],
    ['a list instead of an object', { inputs: { a: [['x', 1]], b: null } }],
    ['the question to regenerate', { regenerates: 'msg-1' }],
    ['the question to supersede', { supersedes: 1 }],
    ['a file', { files: [{ type: 'image', transfer_method: 'local_file', upload_file_id: 'file-1' }] }],
  ])('changes with %s', (_what, changes) => {
    expect(of(changes)).not.toBe(of());
  });
});
