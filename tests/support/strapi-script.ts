import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

import type { UpstreamKey } from '../../src/chat';
import { startArgs, withModuleCache } from './start-args';

const root = path.resolve(__dirname, '..', '..');

/**
 * Loads the application in a new process, like Strapi's commands, and runs a function there. The function must not use
 * variables from outside, other than `args`. @returns its result, converted by JSON.
 */
export async function runInStrapi<T, Args>(
  env: Readonly<Record<string, string>>,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- scripts call untyped parts of Strapi
  run: (strapi: any, args: Args) => Promise<T>,
  args?: Args,
): Promise<T> {
  return runSourceInStrapi(env, `(strapi) => (${run.toString()})(strapi, ${JSON.stringify(args ?? null)})`);
}

/** Does the same with the JavaScript of a function of `strapi`. */
export async function runSourceInStrapi<T>(
  env: Readonly<Record<string, string>>,
  source: string,
): Promise<T> {
  const script = `
    require('@strapi/strapi').createStrapi({ appDir: ${JSON.stringify(root)}, distDir: ${JSON.stringify(path.join(root, 'dist'))} })
      .load()
      .then(async (strapi) => {
        const result = await (${source})(strapi);
        await strapi.destroy();
        process.stdout.write('\\nresult:' + JSON.stringify(result ?? null) + '\\n', () => process.exit(0));
      })
      .catch((error) => { console.error(error); process.exit(1); });`;
  const { code, output } = await runNode(env, ['-e', script]);
  const result = /^result:(.*)$/mu.exec(output)?.[1];
  if (code !== 0 || result === undefined) throw new Error(`The script ended with ${code}:\n${output}`);
  return JSON.parse(result) as T;
}

/** Encrypts keys for a kind of upstream, as an application with these variables does. */
export async function sealKeys(
  env: Readonly<Record<string, string>>,
  keys: readonly UpstreamKey[],
): Promise<readonly string[]> {
  const script = `
    require('@strapi/strapi').createStrapi({ appDir: ${JSON.stringify(root)}, distDir: ${JSON.stringify(path.join(root, 'dist'))} });
    const { encryption } = require('@strapi/admin/strapi-server').services;
    process.stdout.write('\\nresult:' + JSON.stringify(JSON.parse(process.env.KEYS).map(encryption.encrypt)));`;
  const { code, output } = await runNode(
    { ...env, KEYS: JSON.stringify(keys.map(({ kind, key }) => `${kind} ${key}`)) },
    ['-e', script],
  );
  const result = /^result:(.*)$/mu.exec(output)?.[1];
  if (code !== 0 || result === undefined) throw new Error(`The script ended with ${code}:\n${output}`);
  return JSON.parse(result) as readonly string[];
}

async function runNode(env: Readonly<Record<string, string>>, args: readonly string[]) {
  const cache = withModuleCache();
  const child = spawn(process.execPath, [...cache.args, ...startArgs(root).slice(0, -1), ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', ENV_PATH: '/dev/null', ...cache.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}
