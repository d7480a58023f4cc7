/** A day of UTC, as `2025-01-15`. */
export type Day = string;

export const dayMs = 86_400_000;

export function dayOf(timeMs: number): Day {
  return new Date(timeMs).toISOString().slice(0, 10);
}

/** @throws RangeError if the day does not exist. */
export function startOf(day: Day): number {
  const start = Date.parse(`${day}T00:00:00.000Z`);
  if (!/^\d{4}-\d\d-\d\d$/u.test(day) || Number.isNaN(start) || dayOf(start) !== day)
    throw new RangeError('A day is written as 2025-01-15.');
  return start;
}

export function endOf(day: Day): number {
  return startOf(day) + dayMs;
}

/** Returns the end of a table's name: `2025_01_15`. */
export function suffixOf(day: Day): string {
  return day.replaceAll('-', '_');
}

/** Returns the day in a name such as `conversation_histories_2025_01_15`; null if it has none. */
export function dayIn(name: string): Day | null {
  const match = /_(\d{4})_(\d\d)_(\d\d)$/u.exec(name);
  return match === null ? null : match.slice(1).join('-');
}
