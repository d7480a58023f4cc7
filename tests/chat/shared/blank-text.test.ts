import { isBlank } from '../../../src/chat/shared/blank-text';

describe('isBlank', () => {
  it.each([
    ['no text', ''],
    ['spaces and line ends', ' \t\r\n\u00a0\u2003\u2028\u3000'],
    ['zero-width characters', '\u200b\u200c\u200d\u2060\ufeff'],
    ['direction marks and isolates', '\u200e\u200f\u061c\u202a\u202e\u2066\u2069'],
    ['soft hyphens and joiners', '\u00ad\u034f'],
    ['fillers of Hangul', '\u115f\u1160\u3164\uffa0'],
    ['the empty pattern of Braille', '\u2800'],
    ['control characters', '\u0001\u001b\u007f\u0085'],
    ['variation selectors', '\ufe0f\u{e0100}'],
    ['tag characters', '\u{e0001}\u{e0041}'],
  ])('is true for %s', (_name, text) => {
    expect(isBlank(text)).toBe(true);
  });

  it.each(['a', ' . ', '你', '👩‍👩‍👧', '❤️', '\ufffd', '\u0600', 'e\u0301', '\u200bx', '⠁'])(
    'is false for %j',
    (text) => {
      expect(isBlank(text)).toBe(false);
    },
  );
});
