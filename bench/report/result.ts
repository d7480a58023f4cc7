import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Failure, Series } from '../measures/series';
import type { Options } from '../options';
import type { Machine, Quiet } from '../support/machine';
import { median, spreadOf } from '../support/statistics';
import { toSvg, type Bar, type Panel } from './chart';
import { toShort } from './table';
import type { Judged } from './verdict';

/** Everything of one run. Published figures must come from such a file. */
export interface Result {
  readonly command: string;
  readonly startedAt: string;
  readonly seconds: number;
  readonly options: Options;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  /** The idle share of the machine before each measure. */
  readonly quiet: Readonly<Record<string, Quiet>>;
  /** Peers that could not be started, and the reasons. */
  readonly missing: Readonly<Record<string, string>>;
  readonly targets: readonly { readonly name: string; readonly does: string }[];
  readonly goals: readonly Judged[];
  readonly series: readonly Series[];
  readonly failures: readonly Failure[];
}

/** @returns the written files: all rounds as JSON, and a chart of the medians. */
export function writeResult(result: Result): string[] {
  const folder = result.options.out;
  mkdirSync(folder, { recursive: true });
  const json = path.join(folder, 'benchmark.json');
  const svg = path.join(folder, 'benchmark.svg');
  writeFileSync(json, `${JSON.stringify(result, roundedNumbers, 2)}\n`);
  writeFileSync(svg, toChart(result));
  return [json, svg];
}

/** Keeps six digits, which is more than the precision of any figure. */
function roundedNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

const shown = [
  'paced-cpu',
  'burst-cpu',
  'turn-cpu',
  'first-p50',
  'rush-p50',
  'memory',
  'list',
  'start-time',
  'start-memory',
];

function toChart({ series, command, startedAt, machine, versions, options, quiet }: Result): string {
  const isBusy = Object.values(quiet).some(({ isQuiet }) => !isQuiet);
  const notes = [
    command,
    `${startedAt.slice(0, 10)} · median of the rounds (${options.rounds}); the thin line is from the lowest to the highest`,
    `${machine.processors}, ${machine.memoryGb} GB, ${machine.system}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    ...(isBusy ? ['The machine was busy: these figures are not reliable.'] : []),
  ];
  const panels = shown
    .flatMap((id) => series.find((one) => one.id === id) ?? [])
    .map(toPanel)
    .filter(({ bars }) => bars.length > 0);
  return toSvg({ title: 'Cost compared with peers: shorter is better', notes, panels }, toShort);
}

function toPanel({ title, unit, rounds }: Series): Panel {
  const names = [...new Set(rounds.flatMap((round) => Object.keys(round)))];
  const bars = names.flatMap((name): Bar[] => {
    const values = rounds.flatMap((round) => round[name] ?? []);
    const spread = spreadOf(values);
    if (spread === null) return [];
    return [
      { name, value: median(values), min: spread.min, max: spread.max, isOurs: name.startsWith('ours') },
    ];
  });
  return { title, unit, bars: bars.sort((a, b) => a.value - b.value) };
}
