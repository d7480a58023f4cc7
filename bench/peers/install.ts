import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { benchFolder, root } from '../support/paths';

const files = ['package.json', 'package-lock.json'].map((name) => path.join(benchFolder, 'peers', name));

/**
 * The peers of npm, in a folder of their own, installed once for each lock file. Nothing of them gets into the project,
 * and no script of theirs runs.
 * @returns the folder, or why there is none.
 */
export function installPeers(): { readonly folder: string } | { readonly missing: string } {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file));
  const folder = path.join(root, '.cache', 'bench-peers', hash.digest('hex').slice(0, 12));
  const done = path.join(folder, 'installed');
  if (existsSync(done)) return { folder };

  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of [...files, path.join(root, '.npmrc')]) {
    copyFileSync(file, path.join(folder, path.basename(file)));
  }
  const { status, stderr } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-progress'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status !== 0) return { missing: `npm ci failed: ${stderr.trim().split('\n').at(-1) ?? ''}` };
  writeFileSync(done, '');
  return { folder };
}
