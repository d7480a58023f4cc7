import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

import { z } from 'zod';

import { idleShare, readCpuTicks } from './proc';

/** Of all processors together. What waits for work beside us, a database server or an idle Strapi, takes less. */
const quietShare = 0.95;
const sampleMs = 700;
const samples = 6;

/** How idle the processors were, just before a measurement. */
export interface Quiet {
  readonly idle: number;
  readonly isQuiet: boolean;
}

/** Watches the machine until it is quiet, for some seconds at most. The load average would still tell of what is over. */
export async function waitForQuiet(): Promise<Quiet> {
  let idle = 0;
  for (let sample = 0; sample < samples; sample += 1) {
    const before = readCpuTicks();
    await pause(sampleMs);
    idle = idleShare(before, readCpuTicks());
    if (idle >= quietShare) return { idle, isQuiet: true };
  }
  return { idle, isQuiet: false };
}

export interface Machine {
  readonly processors: string;
  readonly memoryGb: number;
  readonly system: string;
}

export function describeMachine(): Machine {
  const all = cpus();
  return {
    processors: `${all.length} × ${all[0]?.model.trim() ?? 'unknown'}`,
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`,
  };
}

const packageSchema = z.object({ version: z.string() });

/** Of everything that was measured, as far as it says so. `folder` has the node_modules of a package. */
export function readVersions(packages: Readonly<Record<string, string>>): Record<string, string> {
  const versions: Record<string, string> = { node: process.version };
  for (const [name, file] of Object.entries(packages)) {
    versions[name] = packageSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).version;
  }
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).stdout as
    string | null;
  if (commit !== null && commit !== '') versions['commit'] = commit.trim();
  const nginx = spawnSync('nginx', ['-v'], { encoding: 'utf8' }).stderr as string | null;
  const [, nginxVersion] = /nginx\/([\d.]+)/u.exec(nginx ?? '') ?? [];
  if (nginxVersion !== undefined) versions['nginx'] = nginxVersion;
  return versions;
}
