/** Parses a value of a JSON column. Both databases return text: Strapi turns off the JSON parser of PostgreSQL. */
export function parseJsonColumn(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : (value ?? null);
}

export function toJsonColumn(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
