import type { Segment } from '../contract/messages/search-reply';

/** The text shown around the first match, in UTF-16 units: about a line or two of Latin or Chinese text. */
const charsBefore = 60;
const charsAfter = 120;

/** Returns the part of `content` around the first match of `text`, ignoring case. `…` marks each cut. */
export function highlight(content: string, text: string): readonly Segment[] {
  const folded = fold(content);
  const wanted = fold(text);
  // A database may ignore case in more ways than `fold`. Without a match, show the beginning.
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
 * Returns the text in lower case, with every character at the same index. Only `İ` would become longer, so it becomes
 * `i`. `Σ` at the end of a word becomes `ς`, which counts as `σ`.
 */
function fold(text: string): string {
  return text.replaceAll('İ', 'i').toLowerCase().replaceAll('ς', 'σ');
}

/** Returns `index`, or moves it by `step` if it is between the two halves of a surrogate pair. */
function toBoundary(text: string, index: number, step: 1 | -1): number {
  const isInside = /^[\uDC00-\uDFFF]/u.test(text.slice(index, index + 1)) && index > 0;
  return isInside ? index + step : index;
}
