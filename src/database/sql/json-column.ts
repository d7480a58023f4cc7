/**
 * Parses a value of a JSON column. Both databases return text: Strapi turns off the JSON parser of PostgreSQL. As Strapi
 * does, returns a text that is no JSON: SQLite stores a value that is a text without quotes.
 */
export function parseJsonColumn(value: unknown): unknown {
  if (typeof value !== 'string') return value ?? null;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

export function toJsonColumn(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
