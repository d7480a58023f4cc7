import { Marked, type Token, type Tokens } from 'marked';

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export const escapeHtml = (text: string) => text.replace(/[&<>"']/gu, (char) => escapes[char] ?? char);

/** Other schemes could run a script. */
const isSafe = (href: string) => /^(https?:|mailto:)/iu.test(href);

const link = (href: string, inner: string) =>
  isSafe(href)
    ? `<a href="${escapeHtml(href)}" target="_blank" rel="noopener noreferrer nofollow">${inner}</a>`
    : inner;

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    // Stored text is never HTML.
    html: ({ text }) => escapeHtml(text),
    link({ href, tokens }) {
      return link(href, this.parser.parseInline(tokens));
    },
    // A picture of another server would tell it who reads the answer.
    image: ({ href, text }) => link(href, escapeHtml(text || href)),
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
    heading({ depth, tokens }) {
      const level = Math.min(6, depth + 2);
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>`;
    },
    code: ({ text, lang = '' }) =>
      `<div class="code"><div class="code-head">${escapeHtml(lang.split(/\s/u)[0] ?? '')}</div>` +
      `<pre tabindex="0"><code>${escapeHtml(text)}\n</code></pre></div>`,
    table(token) {
      const toRow = (cells: readonly Tokens.TableCell[]) =>
        `<tr>${cells.map((cell) => this.tablecell(cell)).join('')}</tr>`;
      const body = token.rows.map(toRow).join('');
      return `<div class="table" tabindex="0"><table><thead>${toRow(token.header)}</thead><tbody>${body}</tbody></table></div>`;
    },
  },
});

export interface Block {
  /** Its Markdown. */
  readonly raw: string;
  readonly html: string;
  readonly token: Token;
}

/** Splits Markdown into its blocks, such as paragraphs and lists. `text` must have no carriage returns. */
export function toBlocks(text: string): readonly Block[] {
  const tokens = marked.lexer(text);
  return tokens.map((token) => ({ raw: token.raw, html: marked.parser([token]), token }));
}
