import { setTimeout as pause } from 'node:timers/promises';

import type { BenchDatabase, Databases } from '../support/database';
import type { DatabaseKind } from '../support/database-kind';
import { residentBytes } from '../support/proc';
import { startStrapi, type Application, type StrapiOptions } from '../targets/strapi-process';
import { runRounds, type Measured } from './series';
import type { Sizes } from './sizes';

export interface StartContext {
  readonly databases: Databases;
  readonly kinds: readonly DatabaseKind[];
  readonly sizes: Sizes;
  readonly workFolder: string;
  readonly say: (line: string) => void;
}

interface StartTarget {
  readonly application: Application;
  readonly database: BenchDatabase;
}

/** Pause before the memory is read, so that work of the start is finished. */
const settleMs = 1_000;

/** Measures the time from the start of the process to its first reply, on a database that it created before. */
export async function measureStart(context: StartContext): Promise<Measured> {
  const targets: StartTarget[] = [];
  try {
    for (const kind of context.kinds) {
      for (const application of ['ours', 'vanilla'] as const) {
        targets.push({ application, database: await context.databases.create(kind) });
      }
    }
    return await runRounds({
      ...context,
      measure: 'start',
      targets,
      nameOf: ({ application, database }) => `${application}/${database.kind}`,
      rounds: context.sizes.startRounds,
      // The applications create their tables in this round.
      warmUp: true,
      series: {
        'start-time': { title: 'From the start of the process to its first reply', unit: 'ms' },
        'start-memory': { title: 'Memory of the process a second later', unit: 'MB' },
      },
      run: (target) => startOnce(context, target),
    });
  } finally {
    for (const { database } of targets) await database.drop();
  }
}

async function startOnce(context: StartContext, target: StartTarget): Promise<Record<string, number>> {
  const options: StrapiOptions = { ...target, upstreamPort: 9, workFolder: context.workFolder };
  const running = await startStrapi(options);
  try {
    await pause(settleMs);
    return { 'start-time': running.readyMs, 'start-memory': residentBytes([running.pid]) / 1024 / 1024 };
  } finally {
    await running.stop();
  }
}
