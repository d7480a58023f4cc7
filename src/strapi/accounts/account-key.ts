import { createHash } from 'node:crypto';

/** Characters that fit a column of Strapi's `string` type, and an index of PostgreSQL. */
const maxKeyChars = 255;

/**
 * The text under which a username or an email is compared: all spellings that a person reads as one name have one key.
 * NFKC rather than NFC, so that the full-width letters of Chinese and Japanese keyboards are the plain ones: `ａｎｎ` is
 * `ann`, and `＠` is `@`. Characters that nobody sees are left out, and blanks count as one. Databases differ in what
 * their own `lower` knows, so the key is made here and stored.
 */
export function toAccountKey(text: string): string {
  const folded = text
    .toWellFormed()
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .toLowerCase()
    // Lower case can bring a letter and its accent together that were apart.
    .normalize('NFKC')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return withinColumn(folded);
}

/** A text that is too long for its column is stored as its hash: keys are only compared. */
export function withinColumn(text: string): string {
  return text.length <= maxKeyChars ? text : createHash('sha256').update(text).digest('hex');
}

/** Whether the key of a username is an email address, or could be one. */
export function isAddress(key: string): boolean {
  return /\S@\S/u.test(key);
}
