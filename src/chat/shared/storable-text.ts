/**
 * The one choke point for text that is stored and shown. PostgreSQL refuses NUL, SQLite stops counting at it, and a
 * lone surrogate comes back from either as something else; both become U+FFFD here, so that what is stored, what is
 * streamed and what is listed is the same text on every database.
 */
export function toStorableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** `toStorableText` for every string, keys included, of a JSON value. */
export function toStorableJson(value: unknown): unknown {
  if (typeof value === 'string') return toStorableText(value);
  if (Array.isArray(value)) return value.map(toStorableJson);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [toStorableText(key), toStorableJson(item)]),
    );
  }
  return value;
}
