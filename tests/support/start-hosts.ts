import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { makeHost, tarballVariable, type Host } from './host/make-host';
import { hostVariable } from './app-process';
import { startTemplate } from './start-template';

const root = path.resolve(__dirname, '..', '..');

/** The host compiles it with the compiler options of `create-strapi-app`. */
const usesOfDeclarations = `import plugin from 'strapi-plugin-character-chat/strapi-server';
import { upgradeOptions } from 'strapi-plugin-character-chat/upgrade';

export const used = [plugin.register, upgradeOptions.shouldUpgradeCallback];
`;

/** Packs the plugin, and makes the host and the database that the tests on SQLite use. */
export default async function startHostsOnSqlite(): Promise<void> {
  const host = await startHosts();
  Object.assign(globalThis, { hostTemplate: await startTemplate('sqlite', host) });
}

/** @returns the folder of the host that the tests of these projects start. */
export async function startHosts(): Promise<string> {
  const existing = process.env[hostVariable];
  if (existing !== undefined) return existing;
  const folder = mkdtempSync(path.join(tmpdir(), 'chat-plugin-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  process.env[tarballVariable] = pack(folder);
  const host = await makeHost({
    language: 'typescript',
    plugins: `'character-chat': { enabled: true },`,
    files: { 'src/declarations.ts': usesOfDeclarations },
  });
  process.env[hostVariable] = host.folder;
  Object.assign(globalThis, { testHost: host satisfies Host });
  return host.folder;
}

/** @returns the path of the packed plugin. */
function pack(folder: string): string {
  execFileSync('npm', ['run', 'build:plugin'], { cwd: root });
  const output = execFileSync('npm', ['pack', path.join(root, 'dist-plugin'), '--json'], { cwd: folder });
  const [{ filename }] = JSON.parse(output.toString()) as [{ filename: string }];
  return path.join(folder, filename);
}
