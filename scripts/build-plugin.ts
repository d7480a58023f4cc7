import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Writes the package of the plugin into `dist-plugin`: the compiled code, and the files of `plugin`. */

const target = 'dist-plugin';

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

/** Packages of the application only: for its admin panel and its mails. */
const ofApplication =
  /^(react|react-dom|react-intl|react-redux|react-router-dom|styled-components|tsx|@strapi\/(design-system|icons|provider-email-nodemailer))$/u;

/** Returns the manifest of the package. The host brings Strapi, so that only one copy of it exists. */
function toPluginManifest(root: Manifest, own: object): object {
  const all = Object.entries(root.dependencies).filter(([name]) => !ofApplication.test(name));
  const isStrapis = ([name]: readonly [string, string]) => name.startsWith('@strapi/');
  return {
    ...own,
    version: root.version,
    license: root.license,
    engines: root.engines,
    dependencies: Object.fromEntries(all.filter((one) => !isStrapis(one))),
    optionalDependencies: root.optionalDependencies,
    peerDependencies: Object.fromEntries(
      all.filter(isStrapis).map(([name, version]) => [name, `~${version}`]),
    ),
  };
}

const readManifest = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as unknown;

rmSync(target, { recursive: true, force: true });
const tsc = ['node_modules/typescript/bin/tsc', '-p', 'scripts/plugin/tsconfig.json'];
const { status } = spawnSync(process.execPath, tsc, { stdio: 'inherit' });
process.exitCode = status ?? 1;
if (status === 0) {
  cpSync('plugin', target, { recursive: true });
  for (const file of ['LICENSE', 'CHANGELOG.md', '.env.example']) cpSync(file, path.join(target, file));
  for (const file of readdirSync('docs').filter((name) => name.endsWith('.md'))) {
    cpSync(path.join('docs', file), path.join(target, 'docs', file));
  }
  const manifest = toPluginManifest(
    readManifest('package.json') as Manifest,
    readManifest('plugin/package.json') as object,
  );
  writeFileSync(path.join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}
