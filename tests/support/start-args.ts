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
