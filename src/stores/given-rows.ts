import type { RunStatement, Value } from './statements';

/**
 * Runs a statement that is given rows: `$given` in its text stands for them, as a table of that name whose columns both
 * databases name `column1`, `column2`. PostgreSQL takes all of their values for text.
 * @param before values of the `?` that stand before `$given`.
 * @returns what the statement returns, if it does.
 */
export function withGivenRows<Row = never>(
  statement: RunStatement,
  sql: string,
  rows: readonly (readonly Value[])[],
  before: readonly Value[] = [],
): Promise<readonly Row[]> {
  const tuples = rows.map((row) => `(${row.map(() => '?').join(', ')})`).join(', ');
  return statement<Row>(
    sql.replace('$given', () => `(values ${tuples}) as given`),
    [...before, ...rows.flat()],
  );
}
