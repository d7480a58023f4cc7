/** A row of a message without the columns in which the history notes, in the background, what it has copied. */
export function withoutCopying(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { history_due: _due, history_store: _store, ...others } = row;
  return others;
}
