import type { Knex } from 'knex';

type Value = string | number | boolean | Date | null;

/**
 * Runs a statement that is given rows: `$given` in its text stands for them, as a table of that name whose columns both
 * databases name `column1`, `column2`. PostgreSQL takes all of their values for text.
 * @param before values of the `?` that stand before `$given`.
 * @returns what the statement returns, if it does.
 */
export async function withGivenRows<Row = never>(
  trx: Knex.Transaction,
  sql: string,
  rows: readonly (readonly Value[])[],
  before: readonly Value[] = [],
): Promise<readonly Row[]> {
  const tuples = rows.map((row) => `(${row.map(() => '?').join(', ')})`).join(', ');
  const bindings = [...before, ...rows.flat()].map((value) => value as Knex.Value);
  const result: unknown = await trx.raw(
    sql.replace('$given', () => `(values ${tuples}) as given`),
    bindings,
  );
  // better-sqlite3 gives the rows, `pg` an object that has them.
  const returned = Array.isArray(result) ? result : (result as { readonly rows?: unknown }).rows;
  return Array.isArray(returned) ? (returned as Row[]) : [];
}
