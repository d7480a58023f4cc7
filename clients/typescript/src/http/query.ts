/** Values of a query string. Objects and lists become brackets, as Strapi reads them: `filters[query][$eq]=Hi`. */
export interface Query {
  readonly [name: string]: QueryValue;
}
export type QueryValue = string | number | boolean | null | undefined | readonly QueryValue[] | Query;

/** Returns a query string with its `?`, or an empty text. It leaves out null and undefined. */
export function toQueryString(query: Query = {}): string {
  const pairs = new URLSearchParams();
  const add = (name: string, value: QueryValue): void => {
    if (value === null || value === undefined) return;
    if (typeof value !== 'object') return pairs.append(name, String(value));
    for (const [key, inner] of Object.entries(value)) add(`${name}[${key}]`, inner);
  };
  for (const [name, value] of Object.entries(query)) add(name, value);
  const text = pairs.toString();
  return text === '' ? '' : `?${text}`;
}
