import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { hostFiles, type HostOptions } from './files';

const root = path.resolve(__dirname, '..', '..', '..');
const modules = path.join(root, 'node_modules');
const packageName = 'strapi-plugin-character-chat';

/** The variable with the path of the packed plugin. */
export const tarballVariable = 'TEST_PLUGIN_TARBALL';

/** A generated project. */
export interface Host {
  readonly folder: string;
  /** Writes files again, and compiles them. */
  change(options: HostOptions): Promise<void>;
  remove(): Promise<void>;
}

/** Makes a project, installs the packed plugin in it, and compiles it. */
export async function makeHost(options: HostOptions): Promise<Host> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chat-host-'));
  await linkModules(folder);
  installPlugin(folder);
  await change(options);
  return { folder, change, remove: () => rm(folder, { recursive: true, force: true }) };

  async function change(changed: HostOptions): Promise<void> {
    for (const name of ['src', 'config', 'dist']) {
      await rm(path.join(folder, name), { recursive: true, force: true });
    }
    const files = { ...hostFiles(changed), 'package.json': JSON.stringify(manifest, null, 2) };
    for (const [name, text] of Object.entries(files)) {
      const file = path.join(folder, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    if (changed.language === 'typescript') compile(folder);
  }
}

const manifest = {
  name: 'host',
  version: '0.1.0',
  private: true,
  scripts: { build: 'strapi build', develop: 'strapi develop', start: 'strapi start', strapi: 'strapi' },
  dependencies: {
    '@strapi/plugin-users-permissions': '5.54.0',
    '@strapi/strapi': '5.54.0',
    'better-sqlite3': '12.8.0',
    [packageName]: '*',
  },
  strapi: { telemetryDisabled: true },
};

/** Links the packages of this project, because an installation would take a minute. */
async function linkModules(folder: string): Promise<void> {
  const own = path.join(folder, 'node_modules');
  await mkdir(own);
  for (const name of await readdir(modules)) {
    if (!name.startsWith('.')) await symlink(path.join(modules, name), path.join(own, name));
  }
}

function installPlugin(folder: string): void {
  const tarball = process.env[tarballVariable];
  if (tarball === undefined) throw new Error('The plugin is not packed.');
  const target = path.join(folder, 'node_modules', packageName);
  execFileSync('mkdir', ['-p', target]);
  execFileSync('tar', ['xzf', tarball, '--strip-components=1', '-C', target]);
}

/** @throws Error with the output of the compiler. */
function compile(folder: string): void {
  try {
    execFileSync(process.execPath, [path.join(modules, 'typescript', 'bin', 'tsc')], { cwd: folder });
  } catch (error) {
    throw new Error(`The host does not compile:\n${String((error as { stdout?: Buffer }).stdout)}`);
  }
}

/** Returns the command that starts a host in production, and its variables. */
export function hostCommand(folder: string, env: Readonly<Record<string, string>>) {
  const { DATABASE_FILENAME: file } = env;
  return {
    args: [path.join(modules, '@strapi', 'strapi', 'bin', 'strapi.js'), 'start'],
    cwd: folder,
    env: {
      ...env,
      // The host resolves it relative to its own folder.
      ...(file !== undefined && { DATABASE_FILENAME: path.relative(folder, file) }),
      // Strapi's packages are links, so Node would search the plugin only next to their targets.
      NODE_PATH: path.join(folder, 'node_modules'),
    },
  };
}
