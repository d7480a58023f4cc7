import { existsSync, readFileSync } from 'node:fs';

import { z } from 'zod';

import { databaseKinds, type DatabaseKind } from '../support/database-kind';
import { median } from '../support/statistics';

/** The costs of one process on a database, as medians of a run. */
export interface Figures {
  readonly kind: DatabaseKind;
  readonly eventUs: number;
  readonly turnMs: number;
  readonly pageMs: number;
  readonly turnKb: number;
  /** The larger one of two: memory after the start, and memory after a warm-up and a garbage collection. */
  readonly processMb: number;
  /** Bytes on disk, including the share of the indexes. Null in older results without this figure. */
  readonly messageBytes: number | null;
}

export interface Measurement {
  readonly startedAt: string;
  readonly machine: { readonly processors: string; readonly memoryGb: number; readonly system: string };
  /** False if the machine was busy during a measure. */
  readonly isQuiet: boolean;
  readonly figures: readonly Figures[];
}

const resultSchema = z.object({
  startedAt: z.string(),
  machine: z.object({ processors: z.string(), memoryGb: z.number(), system: z.string() }),
  quiet: z.record(z.string(), z.object({ isQuiet: z.boolean() })),
  series: z.array(z.object({ id: z.string(), rounds: z.array(z.record(z.string(), z.number())) })),
});
type Result = z.infer<typeof resultSchema>;

/** @throws Error when the file is missing or is not the result of a whole run. */
export function readMeasurement(file: string): Measurement {
  if (!existsSync(file)) {
    throw new Error(
      `${file} does not exist. Create it by a whole run (npm run bench), or name another result.`,
    );
  }
  const parsed = resultSchema.safeParse(parseJson(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new Error(`${file} is not a result of this benchmark.`);
  const { data: result } = parsed;
  const measured = databaseKinds.filter((kind) => medianOf(result, 'turn-cpu', `ours/${kind}`) !== null);
  if (measured.length === 0)
    throw new Error(`${file} contains the cost of a turn of no database: ${wholeRun}`);
  return {
    ...result,
    isQuiet: Object.values(result.quiet).every(({ isQuiet }) => isQuiet),
    figures: measured.map((kind) => toFigures(file, result, kind)),
  };
}

const wholeRun = 'sizing needs the result of a whole run.';

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function toFigures(file: string, result: Result, kind: DatabaseKind): Figures {
  const figure = (series: string, amount = '') => {
    const value = medianOf(result, series, `ours/${kind}${amount}`);
    if (value === null) throw new Error(`${file} has no "${series}" of ours/${kind}${amount}: ${wholeRun}`);
    return value;
  };
  return {
    kind,
    eventUs: figure('paced-cpu'),
    turnMs: figure('turn-cpu'),
    pageMs: figure('list', '@large'),
    turnKb: figure('memory'),
    processMb: Math.max(figure('start-memory'), figure('memory-idle')),
    messageBytes: medianOf(result, 'message-bytes', `ours/${kind}@large`),
  };
}

function medianOf({ series }: Result, id: string, target: string): number | null {
  const rounds = series.find((one) => one.id === id)?.rounds ?? [];
  const values = rounds.flatMap((round) => round[target] ?? []);
  return values.length === 0 ? null : median(values);
}
