import { parseArgs } from 'node:util';

import { databaseKinds, type DatabaseKind } from './support/database-kind';

export const measureNames = ['paced', 'burst', 'turn', 'first', 'rush', 'memory', 'list', 'start'] as const;
export type MeasureName = (typeof measureNames)[number];

const againstMeasures: readonly MeasureName[] = ['paced', 'burst', 'turn', 'first', 'rush', 'memory'];
const quickMeasures: readonly MeasureName[] = ['paced', 'burst', 'turn', 'first', 'rush', 'list'];

export const usage = `Usage: npm run bench -- [options]

Measures the cost of a turn and of a page, for this application and for its peers in the same rounds. It takes about 25
minutes, and needs an idle machine.

  --quick                 a rough look in under two minutes: fewer rounds, smaller amounts, fewer peers; by default only
                          on SQLite and without memory and start
  --only <measure>        ${measureNames.join(', ')}; can be repeated
  --database <kind>       sqlite or postgres; default both
  --rounds <n>            rounds of each measure; default 7, with --quick 2
  --against <revision>    builds another revision of this application and measures it in the same rounds, instead of
                          stock Strapi; by default without list and start
  --redis                 gives this application a Redis; with --against HEAD the ratio shows what it costs
  --force                 also measures on a busy machine; the result contains a note
  --out <folder>          folder for the result; default docs/benchmarks for a whole run, otherwise .tmp/bench
  --sizing [file]         measures nothing; computes how many turns a process carries from the result of a whole run,
                          by default docs/benchmarks/benchmark.json
`;

export interface Options {
  readonly quick: boolean;
  readonly force: boolean;
  /** Whether `ours` shares its events by a Redis. */
  readonly redis: boolean;
  readonly measures: readonly MeasureName[];
  readonly databases: readonly DatabaseKind[];
  readonly rounds: number;
  readonly out: string;
  /** Another revision of this repository, which is measured in the same rounds. */
  readonly against: string | null;
  /** The result file for a sizing table. If set, nothing is measured. */
  readonly sizing: string | null;
}

/** @returns null when the user asks for the usage. @throws Error that names the wrong option. */
export function parseOptions(args: readonly string[]): Options | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      force: { type: 'boolean', default: false },
      redis: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      database: { type: 'string' },
      rounds: { type: 'string' },
      against: { type: 'string' },
      out: { type: 'string' },
      sizing: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const { quick, force, redis } = values;
  const [file] = positionals;
  if (file !== undefined && !values.sizing) throw new Error(`"${file}" belongs to no option.`);
  if (values.sizing && args.length > (file === undefined ? 1 : 2)) {
    throw new Error('--sizing takes one file and no other option.');
  }
  const only = values.only.map((name) => oneOf('--only', measureNames, name));
  const kind =
    values.database === undefined ? undefined : oneOf('--database', databaseKinds, values.database);
  const rounds = Number(values.rounds ?? (quick ? 2 : 7));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds must be a whole number from 1.');
  const { against = null } = values;
  const isWhole = !quick && !force && !redis && only.length === 0 && kind === undefined && against === null;
  const usual = quick ? quickMeasures : against === null ? measureNames : againstMeasures;
  return {
    quick,
    force,
    redis,
    measures: only.length > 0 ? only : usual,
    against,
    databases: kind !== undefined ? [kind] : quick ? ['sqlite'] : databaseKinds,
    rounds,
    out: values.out ?? (isWhole ? 'docs/benchmarks' : '.tmp/bench'),
    sizing: values.sizing ? (file ?? 'docs/benchmarks/benchmark.json') : null,
  };
}

function oneOf<T extends string>(option: string, known: readonly T[], value: string): T {
  const found = known.find((name) => name === value);
  if (found === undefined) throw new Error(`${option} takes ${known.join(', ')}; not "${value}".`);
  return found;
}
