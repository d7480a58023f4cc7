import fc from 'fast-check';

import { highlight } from '../../../src/chat/message/highlight';

/** Returns the excerpt with its matches in brackets. */
const shown = (content: string, text: string) =>
  highlight(content, text)
    .map((segment) => (segment.isMatch ? `[${segment.text}]` : segment.text))
    .join('');

it.each([
  ['The sea is calm.', 'sea', 'The [sea] is calm.'],
  ['Sea, SEA, sea', 'sEa', '[Sea], [SEA], [sea]'],
  ['海很平静，海很蓝。', '海', '[海]很平静，[海]很蓝。'],
  ['100% of a_b\\c', '%', '100[%] of a_b\\c'],
  ['École', 'éCOLE', '[École]'],
  ['İstanbul, istanbul', 'STAN', 'İ[stan]bul, i[stan]bul'],
  ['ΟΔΟΣ', 'οδος', '[ΟΔΟΣ]'],
  ['aaa', 'aa', '[aa]a'],
  ['<mark>x</mark>', 'x', '<mark>[x]</mark>'],
  ['not there', 'sea', 'not there'],
  ['', 'sea', ''],
])('highlight in %p marks %p as %p', (content, text, expected) => {
  expect(shown(content, text)).toBe(expected);
});

it('highlight shows the surroundings of the first match in a long text, with ellipses', () => {
  const long = `${'a'.repeat(100)}SEA${'b'.repeat(200)}`;
  expect(shown(long, 'sea')).toBe(`…${'a'.repeat(60)}[SEA]${'b'.repeat(120)}…`);
  expect(shown('b'.repeat(300), 'sea')).toBe(`${'b'.repeat(123)}…`);
});

it('highlight does not split a character', () => {
  const long = `x${'🌊'.repeat(100)}sea${'🌊'.repeat(100)}`;
  for (const segment of highlight(long, 'sea')) expect(segment.text.isWellFormed()).toBe(true);
  const even = `${'🌊'.repeat(100)}sea-${'🌊'.repeat(100)}`;
  for (const segment of highlight(even, 'sea')) expect(segment.text.isWellFormed()).toBe(true);
});

it('highlight returns a part of the content, and marks any text that it searches for', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.string({ unit: 'binary' }),
      (before, text, after) => {
        const content = before + text + after;
        const segments = highlight(content, text);
        const joined = segments.map((segment) => segment.text).join('');
        expect(content).toContain(joined.replace(/^…/u, '').replace(/…$/u, ''));
        expect(segments.some(({ isMatch }) => isMatch)).toBe(true);
        expect(segments.every((segment) => segment.text !== '')).toBe(true);
      },
    ),
  );
});
