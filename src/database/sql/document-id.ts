import { randomBytes } from 'node:crypto';

/** As many as five bits tell apart. */
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
const length = 24;

/**
 * As Strapi's: 24 letters and digits, a letter first, and not to be guessed (119 bits). Strapi's own take the SHA-3 of what
 * is random already, for each of a turn's three rows: 3 % of it.
 */
export function createDocumentId(): string {
  const bytes = randomBytes(length);
  let id = alphabet.charAt((bytes[0] ?? 0) & 15);
  for (let index = 1; index < length; index += 1) id += alphabet.charAt((bytes[index] ?? 0) & 31);
  return id;
}
