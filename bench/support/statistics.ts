/** @returns the smallest value that at least this share (0 to 1) of the values do not exceed. NaN without values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Returns the median. For an even count it is the mean of the two middle values. NaN without values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** The spread of one value per round. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
}

/** @returns null without values. */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    rounds: values.length,
  };
}

/** The figures of one round, by target. A target that failed is missing. */
export type Round = Readonly<Record<string, number>>;

export type Operation = 'ratio' | 'difference' | 'value';

/**
 * Compares two targets round by round, so that a slow round has no effect.
 * @returns one value for each round with figures of both.
 */
export function compareRounds(
  rounds: readonly Round[],
  { target, against, operation }: { target: string; against: string | undefined; operation: Operation },
): number[] {
  return rounds.flatMap((round) => {
    const value = round[target];
    const other = against === undefined ? undefined : round[against];
    if (value === undefined) return [];
    if (operation === 'value') return [value];
    if (other === undefined) return [];
    return [operation === 'ratio' ? value / other : value - other];
  });
}

/** Returns a new array in random order. */
export function shuffled<T>(items: readonly T[], random: () => number = Math.random): T[] {
  const result = [...items];
  for (let index = result.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    const [a, b] = [result[index] as T, result[other] as T];
    result[index] = b;
    result[other] = a;
  }
  return result;
}
