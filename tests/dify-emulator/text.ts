const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const words = new Intl.Segmenter(undefined, { granularity: 'word' });

/** Returns the first `length` graphemes on one line. An ellipsis replaces the rest. */
export function excerpt(text: string, length: number): string {
  const line = text.replace(/\s+/gu, ' ').trim();
  let end = 0;
  let count = 0;
  for (const { index, segment } of graphemes.segment(line)) {
    if (count++ === length) return `${line.slice(0, end).trimEnd()}…`;
    end = index + segment.length;
  }
  return line;
}

/** Splits a text as a model does: into words with the space before them. Never splits a grapheme. */
export function toDeltas(text: string): string[] {
  const deltas: string[] = [];
  let space = '';
  for (const { segment } of words.segment(text)) {
    if (/^\s+$/u.test(segment)) {
      space += segment;
      continue;
    }
    deltas.push(space + segment);
    space = '';
  }
  return space === '' ? deltas : [...deltas, space];
}

export type Language = 'en' | 'zh' | 'ja' | 'ko';

/** Checks kana before Han, because Japanese and Chinese share Han. */
export function languageOf(text: string): Language {
  if (/[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text)) return 'ja';
  if (/\p{Script=Hangul}/u.test(text)) return 'ko';
  if (/\p{Script=Han}/u.test(text)) return 'zh';
  return 'en';
}

/** Returns the name that Dify uses when its title model fails. */
export function titleOf(query: string): string {
  return [...query].length > 50 ? `${[...query].slice(0, 47).join('')}...` : query;
}
