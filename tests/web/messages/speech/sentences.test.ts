import { createSentences } from '../../../../web/messages/speech/sentences';

/** Returns what is said after each part of a growing text, and at its end. */
function say(parts: readonly string[]): readonly string[] {
  const { next } = createSentences(() => 'Code.');
  let text = '';
  const said = parts.map((part) => next((text += part)));
  return [...said, next(text, { isEnd: true })];
}

describe('the sentences of a growing text', () => {
  it('are said when they have ended', () => {
    expect(say(['Hel', 'lo. And', ' more', '! \nNo end'])).toEqual(['', 'Hello.', '', 'And more!', 'No end']);
  });

  it('can be Chinese', () => {
    expect(say(['灯塔亮', '了。海', '很静'])).toEqual(['', '灯塔亮了。', '', '海很静']);
  });

  it('do not end inside a number', () => {
    expect(say(['It costs 3.', '5 euros. ', 'Yes'])).toEqual(['', 'It costs 3.5 euros.', '', 'Yes']);
  });

  it('have no Markdown', () => {
    expect(
      say([
        '## A *title*\n\n> - **bold** and `code`, see [the sea](https://sea.example)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n',
      ]),
    ).toEqual(['A title bold and code, see the sea a, b 1, 2', '']);
  });

  it('name a block of code instead of its text', () => {
    expect(say(['Look:\n```js\nlet x', ' = 1;\nlet y.\n', '```\nDone.'])).toEqual([
      'Look: Code.',
      '',
      '',
      'Done.',
    ]);
  });

  it('are said anew after another text has replaced them', () => {
    expect(say(['One. Two. '])).toEqual(['One. Two.', '']);
    const { next } = createSentences(() => 'Code.');
    next('One. Two. ');
    expect(next('Something else. ')).toBe('Something else.');
  });
});
