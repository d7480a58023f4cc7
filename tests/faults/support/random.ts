/** A repeatable random generator: the same seed gives the same choices in the same order. */
export interface Random {
  /** Returns a number of at least 0 and below 1. */
  next(): number;
  /** Returns an integer from `min` to `max`, both included. */
  between(min: number, max: number): number;
  chance(probability: number): boolean;
  pick<T>(values: readonly [T, ...T[]]): T;
}

/** The mulberry32 generator with 32 bits of state. It is good enough to choose moments and lengths. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    pick: <T>(values: readonly [T, ...T[]]) => values[between(0, values.length - 1)] ?? values[0],
  };
}

/** The seed of this run: `FAULTS_SEED`, or a new one. `report` prints it with the figures. */
export const seed = Number(process.env['FAULTS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** Creates a generator for one part of a test. The order of concurrent work then does not change the choices. */
export function randomFor(part: string, index = 0): Random {
  return createRandom(hash(`${seed} ${part} ${index}`));
}

/** FNV-1a, 32 bits. */
export function hash(text: string): number {
  return (
    [...text].reduce((sum, char) => Math.imul(sum ^ (char.codePointAt(0) ?? 0), 0x01000193), 0x811c9dc5) >>> 0
  );
}
