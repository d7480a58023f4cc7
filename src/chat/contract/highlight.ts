/** A piece of an excerpt. Joined, the pieces are the excerpt; there is no markup in them. */
export interface Segment {
  readonly text: string;
  readonly isMatch: boolean;
}

/** How much is shown around the first match. UTF-16, of Latin and of Chinese text about a line or two. */
const charsBefore = 60;
const charsAfter = 120;

/** The part of `content` around the first place where `text` stands, without regard to case; `…` where it was cut. */
export function highlight(content: string, text: string): readonly Segment[] {
  const folded = fold(content);
  const wanted = fold(text);
  // A database can find what we do not: case has its corners. Then the beginning is shown.
  const first = Math.max(0, folded.indexOf(wanted));
  const start = toBoundary(content, Math.max(0, first - charsBefore), -1);
  const end = toBoundary(content, Math.min(content.length, first + wanted.length + charsAfter), 1);

  const segments: Segment[] = [];
  const add = (piece: string, isMatch: boolean) => {
    if (piece !== '') segments.push({ text: piece, isMatch });
  };
  let done = start;
  for (let at = folded.indexOf(wanted, start); at !== -1 && at + wanted.length <= end;) {
    add((done === start && start > 0 ? '…' : '') + content.slice(done, at), false);
    add(content.slice(at, at + wanted.length), true);
    done = at + wanted.length;
    at = folded.indexOf(wanted, done);
  }
  const isUntouched = done === start && start > 0;
  add((isUntouched ? '…' : '') + content.slice(done, end) + (end < content.length ? '…' : ''), false);
  return segments;
}

/**
 * Lower case in which every character stands where it stood: of all, only `İ` would become longer. And `ς`, which is made
 * of `Σ` at the end of a word, counts as `σ`.
 */
function fold(text: string): string {
  return text.replaceAll('İ', 'i').toLowerCase().replaceAll('ς', 'σ');
}

/** Not between the two halves of a character. */
function toBoundary(text: string, index: number, step: 1 | -1): number {
  const isInside = /^[\uDC00-\uDFFF]/u.test(text.slice(index, index + 1)) && index > 0;
  return isInside ? index + step : index;
}
