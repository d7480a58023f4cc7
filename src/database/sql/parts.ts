/** SQLite takes a bounded number of values in a statement. */
const maxValues = 500;

/** Splits values into parts that each fit into one statement. */
export function* partsOf<T>(values: readonly T[]): Generator<readonly T[], void> {
  for (let start = 0; start < values.length; start += maxValues) {
    yield values.slice(start, start + maxValues);
  }
}
