/** Matches a character that shows something: no whitespace, no control character, nothing without a glyph. */
const visible = /[^\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb]/u;

/** Returns whether a text shows nothing, for example only spaces or zero-width characters. */
export function isBlank(text: string): boolean {
  return !visible.test(text);
}
