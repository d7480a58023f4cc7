import { shuffled, type Round } from '../support/statistics';

/** One figure for each target in each round. */
export interface Series {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly rounds: readonly Round[];
}

export interface Failure {
  readonly measure: string;
  readonly target: string;
  readonly round: number;
  readonly message: string;
}

export interface Measured {
  readonly series: readonly Series[];
  readonly failures: readonly Failure[];
}

export interface RoundsOptions<T> {
  readonly measure: string;
  readonly targets: readonly T[];
  readonly nameOf: (target: T) => string;
  readonly rounds: number;
  /** Series by id. */
  readonly series: Readonly<Record<string, { readonly title: string; readonly unit: string }>>;
  /** @returns figures by the id of their series. */
  readonly run: (target: T) => Promise<Readonly<Record<string, number>>>;
  /** Whether each target runs once before the rounds that count. */
  readonly warmUp: boolean;
  readonly say: (line: string) => void;
}

/** Runs all targets once in each round, in a new random order. A target that fails has no figure in that round. */
export async function runRounds<T>(options: RoundsOptions<T>): Promise<Measured> {
  const { measure, targets, nameOf, rounds, series, run, warmUp, say } = options;
  const failures: Failure[] = [];
  const figures: Record<string, Record<string, number>>[] = [];
  for (let round = warmUp ? 0 : 1; round <= rounds; round += 1) {
    const ofRound: Record<string, Record<string, number>> = {};
    for (const target of shuffled(targets)) {
      try {
        const values = await run(target);
        for (const [id, value] of Object.entries(values)) (ofRound[id] ??= {})[nameOf(target)] = value;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        failures.push({ measure, target: nameOf(target), round, message });
        say(`${measure}: ${nameOf(target)} failed in round ${round}: ${message.slice(0, 300)}`);
      }
    }
    if (round > 0) figures.push(ofRound);
  }
  return {
    series: Object.entries(series).map(([id, { title, unit }]) => ({
      id,
      title,
      unit,
      rounds: figures.map((ofRound) => ofRound[id] ?? {}),
    })),
    failures,
  };
}

export function joined(parts: readonly Measured[]): Measured {
  return {
    series: parts.flatMap(({ series }) => series),
    failures: parts.flatMap(({ failures }) => failures),
  };
}
