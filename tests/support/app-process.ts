import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

import { startArgs } from './start-args';

const root = path.resolve(__dirname, '..', '..');

/** One running process of the application. */
export interface AppProcess {
  readonly pid: number;
  /**
   * Sends a signal, unless it has ended by then.
   * @returns its exit code, once it has ended; null if the signal killed it.
   * @throws when it had ended by itself: whatever a test looks at, that is a defect.
   */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Settles when the application is up; says why if it does not come up. */
export async function startAppProcess(
  env: Readonly<Record<string, string>>,
  output: string[],
): Promise<AppProcess> {
  const child = spawnStrapi(env, (text) => output.push(text));
  let isAskedToEnd = false;
  await new Promise<void>((resolve, reject) => {
    const own: string[] = [];
    child.stdout?.on('data', (text: string) => {
      own.push(text);
      if (own.join('').includes('Strapi started successfully')) resolve();
    });
    child.once('close', () => reject(new Error(`The application ended at its start:\n${output.join('')}`)));
  });
  return {
    pid: child.pid ?? 0,
    async end(signal) {
      const hasEnded = child.exitCode !== null || child.signalCode !== null;
      if (hasEnded && !isAskedToEnd) {
        throw new Error(`The application ended by itself:\n${output.join('').slice(-4_000)}`);
      }
      isAskedToEnd = true;
      if (!hasEnded) {
        // And not only 'exit': what it wrote last may still be on its way.
        const closed = once(child, 'close');
        child.kill(signal);
        await closed;
      }
      return child.exitCode;
    },
  };
}

/** What `npm start` runs, with these variables and nothing else of this process's environment. */
export function spawnStrapi(
  env: Readonly<Record<string, string>>,
  onOutput: (text: string) => void,
): ChildProcess {
  const child = spawn(process.execPath, startArgs(root), {
    cwd: root,
    // A time zone that is not UTC: dates have to come out right all the same.
    // And no `.env` of whoever runs the tests.
    env: { PATH: process.env['PATH'] ?? '', TZ: 'Asia/Shanghai', ENV_PATH: '/dev/null', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.setEncoding('utf8').on('data', onOutput);
  child.stderr.setEncoding('utf8').on('data', onOutput);
  return child;
}
