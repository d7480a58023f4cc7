import { spawn } from 'node:child_process';
import { buffer } from 'node:stream/consumers';

/** Runs npm scripts at the same time, and prints the output of each when it ends. Fails if one of them fails. */
async function main(names: readonly string[]): Promise<void> {
  const codes = await Promise.all(names.map(run));
  process.exitCode = codes.every((code) => code === 0) ? 0 : 1;
}

async function run(name: string): Promise<number | null> {
  const child = spawn('npm', ['run', name], { stdio: ['ignore', 'pipe', 'pipe'] });
  const code = new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve).once('error', reject);
  });
  const output = await Promise.all([buffer(child.stdout), buffer(child.stderr)]);
  for (const part of output) process.stdout.write(part);
  return code;
}

void main(process.argv.slice(2));
