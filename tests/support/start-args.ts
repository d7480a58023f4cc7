import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Returns the arguments that `npm start` in a folder passes to Node: flags, then `server.js`. */
export function startArgs(folder: string): readonly string[] {
  const { scripts } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
    readonly scripts: { readonly start: string };
  };
  const [node, ...args] = scripts.start.split(' ');
  if (node !== 'node') throw new Error(`npm start of ${folder} does not run node, but ${scripts.start}.`);
  return args;
}

/** Names the file that `module-cache.js` uses. */
export const moduleCacheVariable = 'TEST_MODULE_CACHE';

/** Returns the arguments and the variables that make a process load its modules from the cache of the test run. */
export function withModuleCache(env: NodeJS.ProcessEnv = process.env) {
  const file = env[moduleCacheVariable];
  if (file === undefined) return { args: [], env: {} };
  return {
    args: ['--require', path.join(__dirname, 'module-cache.js')],
    env: { [moduleCacheVariable]: file },
  };
}
