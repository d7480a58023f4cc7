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
  return statement<Row>(
    sql.replace('$given', () => `(values ${toTuples(rows)}) as given`),
    [...before, ...rows.flat()],
  );
}

/** A `?` for each value of these rows. */
export function toTuples(rows: readonly (readonly Value[])[]): string {
  return rows.map((row) => `(${row.map(() => '?').join(', ')})`).join(', ');
}
