import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { assertCleanLog } from './canaries';
import { secretsOfTests, type App } from './app';
import { startArgs, withModuleCache } from './start-args';

const root = path.resolve(__dirname, '..', '..');

/** The parts of a built application. Without a tsconfig.json, Strapi's commands do not compile it again. */
const parts = {
  config: 'dist/config',
  src: 'dist/src',
  database: 'database',
  node_modules: 'node_modules',
  public: 'public',
  'package.json': 'package.json',
  'favicon.png': 'favicon.png',
};

export interface CommandResult {
  readonly code: number | null;
  readonly output: string;
}

export interface CommandOptions {
  /** Variables that differ from the server's. */
  readonly env?: Readonly<Record<string, string>>;
  /** The text for its standard input. */
  readonly input?: string | undefined;
}

/** Runs a Strapi command on the application's database, in a temporary folder. */
export async function runStrapi(
  app: App,
  args: readonly string[],
  { env = {}, input = '' }: CommandOptions = {},
): Promise<CommandResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chat-command-'));
  for (const [name, target] of Object.entries(parts)) {
    await symlink(path.join(root, target), path.join(folder, name));
  }
  const bin = path.join(root, 'node_modules', '@strapi', 'strapi', 'bin', 'strapi.js');
  const cache = withModuleCache();
  const child = spawn(process.execPath, [...cache.args, ...startArgs(root).slice(0, -1), bin, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ENV_PATH: '/dev/null', ...cache.env, ...app.variables, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  await rm(folder, { recursive: true, force: true });
  assertCleanLog(output, secretsOfTests);
  return { code, output };
}
