import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { buildAdmin } from './plugin/admin';
import { copyViewer } from './viewer';

/** Writes the package of the plugin into `dist-plugin`: the compiled code, and the files of `plugin`. */

const target = 'dist-plugin';

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

/** Packages of the admin panel, which the host brings, so that only one copy of them exists. */
const ofHost =
  /^(react|react-dom|react-intl|react-redux|react-router-dom|styled-components|@strapi\/(design-system|icons|strapi))$/u;
/** Packages that the plugin does not need, or that it needs only if its admin part imports them. */
const ofApplication = /^(diff|react-markdown|tsx|@strapi\/provider-email-nodemailer)$/u;

/**
 * Returns the manifest of the package. The host brings Strapi and React.
 * @param ofAdmin the packages that the admin part imports.
 * @throws Error if the admin part imports a package that is no dependency of the application.
 */
function toPluginManifest(root: Manifest, own: object, ofAdmin: readonly string[]): object {
  const ofServer = Object.entries(root.dependencies).filter(
    ([name]) => !ofHost.test(name) && !ofApplication.test(name),
  );
  const isStrapis = ([name]: readonly [string, string]) => name.startsWith('@strapi/');
  const importedByAdmin = ofAdmin.map((name) => {
    const version = root.dependencies[name];
    if (version === undefined) throw new Error(`Add ${name} to the dependencies: src/admin imports it.`);
    return [name, version] as const;
  });
  const peersOfAdmin = importedByAdmin
    .filter(([name]) => ofHost.test(name) && name !== '@strapi/strapi')
    .map(([name, version]) => [name, `^${version.replace('^', '')}`] as const);
  const strapis = [
    ['@strapi/strapi', root.dependencies['@strapi/strapi'] ?? ''] as const,
    ...ofServer.filter(isStrapis),
  ].map(([name, version]) => [name, `~${version}`] as const);
  return {
    ...own,
    version: root.version,
    license: root.license,
    engines: root.engines,
    dependencies: Object.fromEntries([
      ...ofServer.filter((one) => !isStrapis(one)),
      ...importedByAdmin.filter(([name]) => !ofHost.test(name)),
    ]),
    optionalDependencies: root.optionalDependencies,
    peerDependencies: Object.fromEntries([...peersOfAdmin, ...strapis]),
  };
}

const readManifest = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as unknown;

/** @returns the exit code of the compiler. */
function compileServer(): number {
  const tsc = ['node_modules/typescript/bin/tsc', '-p', 'scripts/plugin/tsconfig.json'];
  return spawnSync(process.execPath, tsc, { stdio: 'inherit' }).status ?? 1;
}

/** @returns the exit code of Vite. */
function buildChatPage(): number {
  const folder = path.resolve(target, 'dist', 'web');
  const vite = ['node_modules/vite/bin/vite.js', 'build', 'web', '--outDir', folder, '--logLevel', 'warn'];
  return spawnSync(process.execPath, vite, { stdio: 'inherit' }).status ?? 1;
}

function copyFiles(): void {
  cpSync('plugin', target, { recursive: true });
  copyViewer(path.join(target, 'dist'));
  for (const file of ['LICENSE', 'CHANGELOG.md', '.env.example']) cpSync(file, path.join(target, file));
  for (const file of readdirSync('docs').filter((name) => name.endsWith('.md'))) {
    cpSync(path.join('docs', file), path.join(target, 'docs', file));
  }
}

async function buildPlugin(): Promise<void> {
  rmSync(target, { recursive: true, force: true });
  process.exitCode = compileServer() || buildChatPage();
  if (process.exitCode !== 0) return;
  copyFiles();
  const manifest = toPluginManifest(
    readManifest('package.json') as Manifest,
    readManifest('plugin/package.json') as object,
    await buildAdmin(target),
  );
  writeFileSync(path.join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

void buildPlugin();
