/** Returns a row of a message without the columns that the background copying to the history changes. */
export function withoutCopying(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { history_due: _due, history_store: _store, ...others } = row;
  return others;
}
