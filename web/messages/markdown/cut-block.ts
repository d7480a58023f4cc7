import type { Token, Tokens } from 'marked';

/** A kind of block that can be made of several pieces of text. */
export type CutKind = 'code' | 'list' | 'paragraph' | 'table';

/** Where a long block is cut, and how the text after the cut is read. */
export interface Cut {
  readonly kind: CutKind;
  /** Characters of the block before the cut. */
  readonly length: number;
  /** Markdown to read before the text after the cut, e.g. the head of a table. */
  readonly head: string;
  /** HTML between the pieces. */
  readonly joint: string;
}

/**
 * Finds the last place to cut a block so that its pieces together look like the whole. Returns null if it has none.
 * @param raw the beginning of a block that goes on after it
 */
export function cutBlock(token: Token, raw: string): Cut | null {
  switch (token.type) {
    case 'code':
      return cutCode(raw);
    case 'list':
      return cutList(token as Tokens.List);
    case 'table':
      return cutTable(raw);
    case 'paragraph':
      return cutParagraph(raw);
    default:
      return null;
  }
}

/** The rest of a line that is cut must not look like the end of the code. */
function cutCode(raw: string): Cut | null {
  const [head = ''] = /^ {0,3}(?:`{3,}|~{3,}).*\n/u.exec(raw) ?? [];
  const length = raw.lastIndexOf('\n') + 1;
  if (length > head.length) return { kind: 'code', length, head, joint: '\n' };
  const inLine = head === '' ? 0 : endOf(/^[\s\S]*[^\s`~](?=[^\s`~])/u, raw);
  return inLine > head.length ? { kind: 'code', length: inLine, head, joint: '' } : null;
}

/** The last item may go on. */
function cutList({ items }: Tokens.List): Cut | null {
  const length = items.slice(0, -1).reduce((sum, item) => sum + item.raw.length, 0);
  return length > 0 ? { kind: 'list', length, head: '', joint: '' } : null;
}

function cutTable(raw: string): Cut | null {
  const [head = ''] = /^.*\n.*\n/u.exec(raw) ?? [];
  const length = raw.lastIndexOf('\n') + 1;
  return length > head.length ? { kind: 'table', length, head, joint: '' } : null;
}

/** The text after the cut begins with a letter, so that it cannot begin another kind of block. */
function cutParagraph(raw: string): Cut | null {
  const breaks = [
    [/^[\s\S]*\n(?=\p{L})/u, '<br>'],
    [/^[\s\S]* (?=\p{L})/u, ' '],
    [/^[\s\S]*\p{L}(?=\p{L})/u, ''],
  ] as const;
  for (const [pattern, joint] of breaks) {
    const length = endOf(pattern, raw);
    if (length > 0) return { kind: 'paragraph', length, head: '', joint };
  }
  return null;
}

const endOf = (pattern: RegExp, text: string) => pattern.exec(text)?.[0].length ?? 0;
