import fc from 'fast-check';

import { toStorableJson, toStorableText } from '../../../src/chat/shared/storable-text';

describe('toStorableText', () => {
  it('returns text that every database stores unchanged', () => {
    for (const text of ['', 'Hello', '你好', '👩‍👩‍👧‍👦', 'e\u0301', '\u2028\r\n\t', '\uFEFF', '\uFFFD']) {
      expect(toStorableText(text)).toBe(text);
    }
  });

  it('replaces each NUL and each lone surrogate with U+FFFD', () => {
    expect(toStorableText('a\0b\0')).toBe('a\uFFFDb\uFFFD');
    expect(toStorableText('\ud83d')).toBe('\uFFFD');
    expect(toStorableText('\udc4b\ud83d')).toBe('\uFFFD\uFFFD');
    expect(toStorableText('\ud83d\udc4b')).toBe('👋');
  });

  it('returns well-formed text without NUL and of the same length, and is idempotent', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff)), (units) => {
        const text = String.fromCharCode(...units);
        const storable = toStorableText(text);
        expect(storable.isWellFormed()).toBe(true);
        expect(storable).not.toContain('\0');
        expect(storable).toHaveLength(text.length);
        expect(toStorableText(storable)).toBe(storable);
      }),
    );
  });
});

describe('toStorableJson', () => {
  it('changes strings at any depth, including keys, and nothing else', () => {
    const value = { 'a\0': ['\0', { b: '\ud83d', n: 1.5, t: true, nothing: null }], empty: {}, list: [] };
    expect(toStorableJson(value)).toEqual({
      'a\uFFFD': ['\uFFFD', { b: '\uFFFD', n: 1.5, t: true, nothing: null }],
      empty: {},
      list: [],
    });
    expect(value['a\0'][0]).toBe('\0');
  });

  it('treats __proto__ as an ordinary key', () => {
    const value = toStorableJson(JSON.parse('{"__proto__": {"isAdmin": true}}')) as { isAdmin?: unknown };
    expect(value.isAdmin).toBeUndefined();
    expect(JSON.stringify(value)).toBe('{"__proto__":{"isAdmin":true}}');
  });

  it('returns any storable JSON unchanged', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        fc.pre(!JSON.stringify(value).includes('\\u0000'));
        expect(toStorableJson(value)).toEqual(value);
      }),
    );
  });
});
