/** The end of a sentence, or of a line. Chinese sentences have no space after them. */
const end = /[.!?…]["”’)]?(?=\s)|[。！？]|\n/gu;

export interface Sentences {
  /** Takes the whole text so far. Returns the sentences that have ended since the last call, without Markdown. */
  next(text: string, options?: { readonly isEnd?: boolean }): string;
}

/**
 * Turns a growing Markdown text into sentences that a screen reader can say.
 * @param codeName stands for a block of code, which nobody wants to hear
 */
export function createSentences(codeName: () => string): Sentences {
  let said = '';
  let isInCode = false;

  /** Returns what to say of one line. A line can come in parts. */
  function toSpoken(line: string): string {
    if (/^\s*(?:`{3}|~{3})/u.test(line)) {
      isInCode = !isInCode;
      return isInCode ? codeName() : '';
    }
    return isInCode ? '' : withoutMarkdown(line);
  }

  return {
    next(text, { isEnd = false } = {}) {
      if (!text.startsWith(said)) {
        said = '';
        isInCode = false;
      }
      const rest = text.slice(said.length);
      const ended = isEnd ? rest : rest.slice(0, endOfLast(rest));
      said += ended;
      return ended.split('\n').map(toSpoken).filter(Boolean).join(' ');
    },
  };
}

function endOfLast(text: string): number {
  const last = [...text.matchAll(end)].at(-1);
  return last === undefined ? 0 : last.index + last[0].length;
}

function withoutMarkdown(line: string): string {
  if (/^[\s|:-]*$/u.test(line)) return '';
  return line
    .replace(/^\s*(?:(?:#{1,6}|>|[-*+])\s+)+/u, '')
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/gu, '$1')
    .replaceAll(/\*+|__|~~|`/gu, '')
    .replaceAll(/^\s*\||\|\s*$/gu, '')
    .replaceAll(/\s*\|\s*/gu, ', ')
    .trim();
}
