/**
 * Replaces NUL and lone surrogates with U+FFFD. PostgreSQL refuses NUL, and SQLite stops counting at it. Both databases
 * change a lone surrogate. All text that is stored and shown goes through this function. So stored, streamed and listed
 * text is the same on every database.
 */
export function toStorableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** Applies `toStorableText` to every string of a JSON value, including keys. */
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
