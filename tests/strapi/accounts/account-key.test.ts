import fc from 'fast-check';

import { isAddress, toAccountKey, withinColumn } from '../../../src/strapi/accounts/account-key';

describe('toAccountKey', () => {
  it.each([
    ['case', 'Ann', 'aNN'],
    ['case beyond ASCII', 'ÉCOLE', 'école'],
    ['Unicode form', 'Zo\u00eb', 'Zoe\u0308'],
    ['width', 'ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ', 'ann@example.com'],
    ['ligatures', 'ﬁona', 'fiona'],
    ['surrounding blanks', ' \u00a0ann\u3000', 'ann'],
    ['blanks inside', 'ann \t lee', 'ann lee'],
    ['invisible characters', 'a\u200bn\u00adn\ufeff', 'ann'],
    ['an accent after an invisible character', 'E\u200b\u0301', '\u00e9'],
    ['case in other alphabets', 'ΑΝΝΑ', 'αννα'],
  ])('returns the same key for names that differ by %s', (_what, one, other) => {
    expect(toAccountKey(one)).toBe(toAccountKey(other));
  });

  it.each([
    ['ann', 'anne'],
    ['josé', 'jose'],
    ['小明', '小朋'],
    ['аnn', 'ann'],
  ])('returns different keys for %s and %s', (one, other) => {
    expect(toAccountKey(one)).not.toBe(toAccountKey(other));
  });

  it('is idempotent, and its key fits the column and is storable for any name', () => {
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

  it('returns different keys for names that differ only after the column length', () => {
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
])('isAddress for %s returns %s', (key, is) => {
  expect(isAddress(key)).toBe(is);
});
