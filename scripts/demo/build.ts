import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';

import { DemoError, red, tick, withProgress } from './screen';

const serverBuild = ['--import', 'tsx', 'scripts/build-server.ts'];
const adminBuild = ['node_modules/@strapi/strapi/bin/strapi.js', 'build'];
const webBuild = ['node_modules/vite/bin/vite.js', 'build', 'web'];

/** Builds the server, the admin panel and the chat page if they are missing or older than their sources. */
export async function buildWhatIsStale(signal: AbortSignal): Promise<void> {
  const server = ['src', 'config', 'tsconfig.json'];
  const admin = ['src/admin', 'config', 'package-lock.json'];
  const isServerStale = isOlder('dist/src/index.js', server);
  const isAdminStale = isOlder('dist/build/index.html', admin);
  const isWebStale = isOlder('dist/web/index.html', ['web', 'clients/typescript/src', 'package-lock.json']);
  if (!isServerStale && !isAdminStale && !isWebStale) {
    tick('Server, admin panel and chat page are built');
    return;
  }
  if (isServerStale) {
    await withProgress('Compiling the server …', 'Compiled the server', () => run(serverBuild, signal));
  }
  if (isAdminStale) {
    await withProgress('Building the admin panel (once, about a minute) …', 'Built the admin panel', () =>
      run(adminBuild, signal),
    );
  }
  if (isWebStale) {
    await withProgress('Building the chat page …', 'Built the chat page', () => run(webBuild, signal));
  }
}

function isOlder(output: string, sources: readonly string[]): boolean {
  const built = changedAt(output);
  return sources.some((source) => newest(source) > built);
}

/** Returns the newest time in a folder. The time of the folder itself shows the last deletion. */
function newest(item: string): number {
  const stats = statSync(item, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true) return stats?.mtimeMs ?? 0;
  return Math.max(stats.mtimeMs, ...readdirSync(item).map((name) => newest(path.join(item, name))));
}

function changedAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? -1;
}

async function run(args: readonly string[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, args, {
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = () => child.kill();
  signal.addEventListener('abort', stop, { once: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-10_000)));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  signal.removeEventListener('abort', stop);
  signal.throwIfAborted();
  if (code !== 0) throw new DemoError(`The build failed:\n\n${red(output.trim())}`);
}
