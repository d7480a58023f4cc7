import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

type Running = {
  readonly output: () => string;
  readonly until: (part: string) => Promise<void>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly exit: Promise<unknown[]>;
};

function run(...args: string[]): Running {
  const main = path.join(__dirname, 'main.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], {
    cwd: path.join(__dirname, '../..'),
  });
  let output = '';
  const until = async (part: string): Promise<void> => {
    while (!output.includes(part)) await once(child.stdout, 'data');
  };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return {
    output: () => output,
    until,
    kill: (signal) => void child.kill(signal),
    exit: once(child, 'exit'),
  };
}

describe('command line of the Dify emulator', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'prints its address and keys, and exits with 0 on %s',
    async (signal) => {
      const emulator = run('--port', '0', '--profile', '0.15');
      await emulator.until('app-emulated-agent ');
      const url = /http:\/\/127\.0\.0\.1:\d+\/v1/u.exec(emulator.output())?.[0] ?? '';
      const response = await fetch(`${url}/info`, { headers: { authorization: 'Bearer app-emulated-chat' } });
      expect(await response.json()).toMatchObject({ name: 'Characters' });
      emulator.kill(signal);
      expect(await emulator.exit).toEqual([0, null]);
    },
    30_000,
  );

  it('prints what is wrong with an option', async () => {
    const emulator = run('--profile', '2');
    expect(await emulator.exit).toEqual([1, null]);
    expect(emulator.output()).toContain('--profile must be 1.x or 0.15, not 2');
  }, 30_000);
});
