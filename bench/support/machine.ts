import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

import { z } from 'zod';

import { idleShare, readCpuTicks } from './proc';

/** Required idle share of all processors. A database server or a Strapi without requests uses less than the rest. */
const quietShare = 0.95;
const sampleMs = 700;
const samples = 6;

/** The idle share of the processors just before a measure. */
export interface Quiet {
  readonly idle: number;
  readonly isQuiet: boolean;
}

/** Waits some seconds at most until the machine is idle. Does not use the load average, which includes past work. */
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

/** Returns the versions of Node, the packages, this commit and nginx. `packages` maps names to package.json files. */
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
