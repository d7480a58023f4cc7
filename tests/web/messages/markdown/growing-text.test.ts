import { createGrowingText, maxStepChars, type Piece } from '../../../../web/messages/markdown/growing-text';

const lines = (count: number, toLine: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => `${toLine(index)}\n`).join('');

/** Shows a text as the page does, in steps. Returns the pieces of the end, and how many characters one step had at most. */
function show(text: string, parts: readonly string[] = [text]) {
  const growing = createGrowingText();
  const pieces: Piece[] = [];
  let shown = '';
  let most = 0;
  let rest: readonly Piece[] | null = null;
  for (const part of parts) {
    shown += part;
    do {
      const step = growing.step(shown);
      pieces.push(...step.finished);
      ({ rest } = step);
      const html = [...step.finished, ...(rest ?? [])].map((piece) => piece.html).join('');
      most = Math.max(most, html.replaceAll(/<[^>]*>/gu, '').length);
    } while (rest === null);
  }
  return { pieces: [...pieces, ...(rest ?? [])].filter(({ html }) => html !== ''), most };
}

/** Puts the pieces of one block together: each one gives what is between the tags. */
function join(pieces: readonly Piece[], opening: RegExp, closing: string): string {
  return pieces
    .map(({ html }) => {
      const start = opening.exec(html);
      return html.slice((start?.index ?? 0) + (start?.[0].length ?? 0), html.lastIndexOf(closing));
    })
    .join('');
}

const kindsOf = (pieces: readonly Piece[]) => [...new Set(pieces.map(({ continues }) => continues))];
/** Leaves out the space between the tags of lists and tables. */
const withoutSpace = (html: string) => html.replaceAll(/\s*(<\/?(?:li|t[rd])>)\s*/gu, '$1');
const eachFive = (text: string) => text.match(/[\s\S]{1,5}/gu) ?? [];

describe('a growing text', () => {
  const longBlocks = [
    {
      name: 'code',
      kind: 'code',
      text: `\`\`\`js\n${lines(3_000, (index) => `let x${index} = 1;`)}\`\`\`\n`,
      opening: /<code>/u,
      closing: '</code>',
      inner: lines(3_000, (index) => `let x${index} = 1;`),
    },
    {
      name: 'code in one line',
      kind: 'code',
      text: `~~~\n${'abc `def` '.repeat(4_000)}x\n~~~`,
      opening: /<code>/u,
      closing: '</code>',
      inner: `${'abc `def` '.repeat(4_000)}x\n`,
    },
    {
      name: 'list',
      kind: 'list',
      text: lines(3_000, (index) => `- item ${index}`),
      opening: /<ul>\n/u,
      closing: '</ul>',
      inner: lines(3_000, (index) => `<li>item ${index}</li>`),
    },
    {
      name: 'table',
      kind: 'table',
      text: `| a |\n|---|\n${lines(3_000, (index) => `| ${index} |`)}`,
      opening: /<tbody>/u,
      closing: '</tbody>',
      inner: lines(3_000, (index) => `<tr><td>${index}</td></tr>`),
    },
    {
      name: 'paragraph',
      kind: 'paragraph',
      text: `${'some words '.repeat(3_000)}end`,
      opening: /<p>/u,
      closing: '</p>',
      inner: `${'some words '.repeat(3_000)}end`,
    },
    {
      name: 'Chinese paragraph',
      kind: 'paragraph',
      text: '灯塔的光在夜里'.repeat(3_000),
      opening: /<p>/u,
      closing: '</p>',
      inner: '灯塔的光在夜里'.repeat(3_000),
    },
    {
      name: 'paragraph of many lines',
      kind: 'paragraph',
      text: lines(3_000, (index) => `line ${index}`).trimEnd(),
      opening: /<p>/u,
      closing: '</p>',
      inner: lines(3_000, (index) => `line ${index}`)
        .trimEnd()
        .replaceAll('\n', '<br>'),
    },
  ] as const;

  it.each(longBlocks)('has a long $name as one block', ({ text, kind, opening, closing, inner }) => {
    const { pieces, most } = show(text);
    expect(kindsOf(pieces)).toEqual([null, kind]);
    expect(pieces.filter(({ continues }) => continues === null)).toHaveLength(1);
    expect(withoutSpace(join(pieces, opening, closing))).toBe(withoutSpace(inner));
    expect(most).toBeLessThanOrEqual(1.5 * maxStepChars);
  });

  it.each(longBlocks)('has a long $name as one block when it grows', ({ text, opening, closing }) => {
    const whole = show(text);
    const grown = show(text, text.match(/[\s\S]{1,997}/gu) ?? []);
    expect(join(grown.pieces, opening, closing)).toBe(join(whole.pieces, opening, closing));
    expect(grown.pieces.filter(({ continues }) => continues === null)).toHaveLength(1);
  });

  it('ends a long block where it ends', () => {
    const code = `\`\`\`js\n${lines(2_000, (index) => `let x${index} = 1;`)}\`\`\`\n`;
    for (let padding = 0; padding < 30; padding += 1) {
      const text = `${'p'.repeat(padding)}\n\n${code}After **it**.\n\n- one\n- two\n`;
      const { pieces } = show(text);
      expect(pieces.slice(-2)).toEqual([
        { html: '<p>After <strong>it</strong>.</p>\n', continues: null },
        { html: '<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n', continues: null },
      ]);
    }
  });

  it('reads a long block that cannot be cut as a whole', () => {
    const text = `- one\n${lines(2_000, (index) => `  - item ${index}`)}`;
    const { pieces } = show(text);
    expect(pieces).toHaveLength(1);
    expect(pieces[0]?.html).toContain('<li>item 1999</li>');
  });

  it('shows the same as a text that comes together', () => {
    const text =
      '# Title\n\nSome *words*.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```\n\n1. one\n2. two';
    const htmlOf = (pieces: readonly Piece[]) => pieces.map(({ html }) => html).join('');
    expect(htmlOf(show(text, eachFive(text)).pieces)).toBe(htmlOf(show(text).pieces));
  });
});
