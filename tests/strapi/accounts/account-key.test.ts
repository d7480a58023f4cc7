import fc from 'fast-check';

import { isAddress, toAccountKey, withinColumn } from '../../../src/strapi/accounts/account-key';

describe('the key of a name', () => {
  it.each([
    ['case', 'Ann', 'aNN'],
    ['case beyond ASCII', 'ÉCOLE', 'école'],
    ['Unicode form', 'Zo\u00eb', 'Zoe\u0308'],
    ['width', 'ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ', 'ann@example.com'],
    ['ligatures', 'ﬁona', 'fiona'],
    ['blanks around', ' \u00a0ann\u3000', 'ann'],
    ['blanks within', 'ann \t lee', 'ann lee'],
    ['what nobody sees', 'a\u200bn\u00adn\ufeff', 'ann'],
    ['an accent behind what nobody sees', 'E\u200b\u0301', '\u00e9'],
    ['letters of other alphabets', 'ΑΝΝΑ', 'αννα'],
  ])('is one for names that differ by %s', (_what, one, other) => {
    expect(toAccountKey(one)).toBe(toAccountKey(other));
  });

  it.each([
    ['ann', 'anne'],
    ['josé', 'jose'],
    ['小明', '小朋'],
    ['аnn', 'ann'],
  ])('keeps %s and %s apart', (one, other) => {
    expect(toAccountKey(one)).not.toBe(toAccountKey(other));
  });

  it('is its own key, fits its column and is storable, whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (name) => {
        const key = toAccountKey(name);
        expect(toAccountKey(key)).toBe(key);
        expect(key.length).toBeLessThanOrEqual(255);
        expect(key.isWellFormed()).toBe(true);
        expect(key).not.toMatch(/\p{Cc}/u);
      }),
      { numRuns: 2_000 },
    );
  });

  it('keeps names apart that are longer than its column', () => {
    const long = 'a'.repeat(300);
    expect(toAccountKey(`${long}b`)).not.toBe(toAccountKey(`${long}c`));
    expect(toAccountKey(`${long}B`)).toBe(toAccountKey(`${long}b`));
    expect(withinColumn(`${long}b`)).toHaveLength(64);
  });
});

it.each([
  ['ann@example.com', true],
  ['ann@home', true],
  ['@ann', false],
  ['ann@', false],
  ['ann', false],
])('%s taken for an email address: %s', (key, is) => {
  expect(isAddress(key)).toBe(is);
});
