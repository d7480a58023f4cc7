import { isUuid } from '../../chat/shared/id-spellings';
import { toStorableText } from '../../chat/shared/storable-text';

const maxChars = 500;

/** Matches words that can be a key: after a usual beginning, or long. */
const words = /\b(?:bearer|basic)\s+\S+|\b(?:app|sk|pk|key|token)-[\w.*-]{3,}|[\w*+=-]{20,}/giu;

/** Returns at most 500 characters of a text from an upstream, with `***` for every word that can be a key. */
export function maskSecrets(text: string): string {
  const masked = text
    .slice(0, 2 * maxChars)
    .replaceAll(words, (word) => (isUuid(word) || /^[a-z_]+$/iu.test(word) ? word : '***'));
  return toStorableText(masked.slice(0, maxChars));
}

/** Returns a text of an upstream without the key of the request, which it can quote. A key of a character has any form. */
export function withoutKey(text: string, apiKey: string): string {
  return apiKey === '' ? text : text.replaceAll(apiKey, '***');
}
