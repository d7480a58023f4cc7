import fc from 'fast-check';

import { toTitle } from '../../../src/chat/model/session';

const family = '👩‍👩‍👧‍👦';
const zalgo = `z${'\u0301'.repeat(30)}`;

function lengthInCharacters(text: string): number {
  return [...new Intl.Segmenter().segment(text)].length;
}

describe('toTitle', () => {
  it('returns a short question unchanged', () => {
    expect(toTitle('How is the sea?')).toBe('How is the sea?');
    expect(toTitle('大海怎么样？')).toBe('大海怎么样？');
  });

  it('returns one line without outer spaces', () => {
    expect(toTitle('  How\n\tis\r\n the\u3000sea? \u2028')).toBe('How is the sea?');
  });

  it.each(['', '   ', '\n\t'])('returns the default title for %j', (question) => {
    expect(toTitle(question)).toBe('新会话');
  });

  it('cuts after forty visible characters', () => {
    expect(toTitle('x'.repeat(40))).toBe('x'.repeat(40));
    expect(toTitle('x'.repeat(41))).toBe(`${'x'.repeat(40)}…`);
    expect(toTitle('海'.repeat(100_000))).toBe(`${'海'.repeat(40)}…`);
    expect(toTitle('🌊'.repeat(41))).toBe(`${'🌊'.repeat(40)}…`);
    expect(toTitle('e\u0301'.repeat(41))).toBe(`${'e\u0301'.repeat(40)}…`);
  });

  it('does not split a family emoji', () => {
    expect(toTitle(family.repeat(10))).toBe(family.repeat(10));
  });

  it('returns one well-formed line for any question', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (question) => {
        const title = toTitle(question);
        expect(title).not.toMatch(/[\r\n]/u);
        expect(title).not.toBe('');
        expect(title.isWellFormed()).toBe(true);
        expect(lengthInCharacters(title)).toBeLessThanOrEqual(41);
      }),
    );
  });

  // A column holds 255 code points. PostgreSQL rejects more.
  it('returns a title that fits into its column, even with long characters', () => {
    for (const character of [family, zalgo])
      expect([...toTitle(character.repeat(50))].length).toBeLessThanOrEqual(255);
  });

  it('does not split a character to fit into its column', () => {
    const title = toTitle(family.repeat(30));
    expect(title.isWellFormed()).toBe(true);
    expect(title.replace(/…$/u, '').replaceAll(family, '')).toBe('');
  });
});
