/** JSON columns are text to SQLite, and to PostgreSQL too: Strapi turns its parser of them off. */
export function parseJsonColumn(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : (value ?? null);
}

export function toJsonColumn(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
