import { createHash } from 'node:crypto';

/** Number of characters that fit a column of Strapi's `string` type and an index of PostgreSQL. */
const maxKeyChars = 255;

/**
 * Returns the key by which the server compares usernames and emails. All spellings that a person reads as one name
 * have one key. NFKC, unlike NFC, maps the full-width letters of Chinese and Japanese keyboards to plain ones. So
 * `ａｎｎ` becomes `ann`, and `＠` becomes `@`. The key omits invisible characters, and several blanks count as one. The
 * `lower` functions of databases differ, so the server makes and stores the key.
 */
export function toAccountKey(text: string): string {
  const folded = text
    .toWellFormed()
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .toLowerCase()
    // Lower case can make a letter and its accent combinable.
    .normalize('NFKC')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return withinColumn(folded);
}

/** Replaces a text that is too long for its column by its hash. This works because keys are only compared. */
export function withinColumn(text: string): string {
  return text.length <= maxKeyChars ? text : createHash('sha256').update(text).digest('hex');
}

/** Returns whether the key of a username is an email address, or could be one. */
export function isAddress(key: string): boolean {
  return /\S@\S/u.test(key);
}
