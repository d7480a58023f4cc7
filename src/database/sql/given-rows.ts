import type { Statement, Value } from './statements';

/**
 * Returns a statement whose text contains rows of values in the place of `$given`.
 * The SQL can use them as a table `given`. Both databases name its columns `column1`, `column2` and so on.
 * PostgreSQL treats all these values as text.
 * @param before values of each `?` in front of `$given`.
 */
export function toGiven(
  sql: string,
  rows: readonly (readonly Value[])[],
  before: readonly Value[] = [],
): Statement {
  const tuples = rows.map((row) => `(${row.map(() => '?').join(', ')})`).join(', ');
  return {
    sql: sql.replace('$given', () => `(values ${tuples}) as given`),
    values: [...before, ...rows.flat()],
  };
}
