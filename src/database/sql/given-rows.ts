import type { Statement, Value } from './statements';

/**
 * A statement that is given rows: `$given` in its text stands for them, as a table of that name whose columns both
 * databases name `column1`, `column2`. PostgreSQL takes all of their values for text.
 * @param before values of the `?` that stand before `$given`.
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
