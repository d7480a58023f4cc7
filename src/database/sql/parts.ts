/** SQLite limits the number of values in one statement. */
const maxValues = 500;

/** Splits values into parts. Each part fits into one statement. */
export function* partsOf<T>(values: readonly T[]): Generator<readonly T[], void> {
  for (let start = 0; start < values.length; start += maxValues) {
    yield values.slice(start, start + maxValues);
  }
}
