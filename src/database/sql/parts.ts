/** SQLite limits the number of values in one statement. */
const maxValues = 500;

/** Splits items into parts. Each part fits into one statement, which has `valuesEach` values for each item. */
export function* partsOf<T>(items: readonly T[], valuesEach = 1): Generator<readonly T[], void> {
  const most = Math.floor(maxValues / valuesEach);
  for (let start = 0; start < items.length; start += most) {
    yield items.slice(start, start + most);
  }
}
