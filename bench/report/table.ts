import type { Series } from '../measures/series';
import { spreadOf } from '../support/statistics';
import type { Judged } from './verdict';

/** Formats a number with three significant digits. */
export function toShort(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  return size >= 10 ? value.toFixed(1) : value.toFixed(size >= 1 ? 2 : 3);
}

/** Formats columns as wide as their longest cell. The first one is aligned to the left, the others to the right. */
export function toTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_cell, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Formats the figures of each target: median, lowest and highest round. */
export function seriesTable({ title, unit, rounds }: Series): string {
  const names = [...new Set(rounds.flatMap((round) => Object.keys(round)))].sort();
  const rows = names.map((name) => {
    const spread = spreadOf(rounds.flatMap((round) => round[name] ?? []));
    if (spread === null) return [name, '', ''];
    return [name, toShort(spread.median), `${toShort(spread.min)} – ${toShort(spread.max)}`];
  });
  return `${title} (${unit})\n${toTable([['', 'median', 'rounds'], ...rows])}`;
}

export function goalsTable(judged: readonly Judged[]): string {
  const rows = judged.map(({ goal, spread, verdict }) => [
    goal.label,
    spread === null ? '–' : toShort(spread.median),
    spread === null ? '' : `${toShort(spread.min)} – ${toShort(spread.max)}`,
    `≤ ${goal.must}`,
    `≤ ${goal.aim}`,
    goal.unit ?? '',
    verdict,
  ]);
  return toTable([['', 'ours', 'rounds', 'must', 'aim', '', ''], ...rows]);
}
