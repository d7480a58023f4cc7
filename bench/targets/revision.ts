import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';

import { root } from '../support/paths';

/** Another revision of the application, built and ready to start. */
export interface Revision {
  readonly commit: string;
  readonly folder: string;
}

const cache = path.join(root, '.cache', 'revisions');

/**
 * Checks out a revision into its own folder and builds it, once for each commit.
 * @param name a git revision: a branch, a tag, a commit, `HEAD~3`.
 * @throws Error when git does not know it, or when the build fails.
 */
export function buildRevision(name: string): Revision {
  const commit = run(root, 'git', ['rev-parse', '--verify', '--end-of-options', `${name}^{commit}`]).trim();
  const folder = path.join(cache, commit);
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    run(root, 'git', ['worktree', 'prune']);
    run(root, 'git', ['worktree', 'add', '--detach', folder, commit]);
  }
  if (!existsSync(path.join(folder, 'node_modules'))) installModules(folder);
  if (!existsSync(path.join(folder, 'dist', 'src', 'index.js'))) run(folder, 'npm', ['run', 'build:server']);
  return { commit, folder };
}

/** Links the node_modules of this revision if both have the same packages. Otherwise runs `npm ci`. */
function installModules(folder: string): void {
  if (versionsIn(folder) === versionsIn(root)) {
    symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  } else {
    run(folder, 'npm', ['ci']);
  }
}

/** Returns all packages with their hashes. It ignores whether a package is needed at run time or in development. */
function versionsIn(folder: string): string {
  const { packages } = JSON.parse(readFileSync(path.join(folder, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly integrity?: string }>>;
  };
  return JSON.stringify(Object.entries(packages).map(([name, { integrity }]) => [name, integrity]));
}

function run(cwd: string, command: string, args: readonly string[]): string {
  return execFileSync(command, [...args], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
