import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

import { inHost } from './database';
import { hostCommand } from './host/make-host';
import { startArgs, withModuleCache } from './start-args';

const root = path.resolve(__dirname, '..', '..');

/** The variable with the folder of a host. Jest projects with the global `inHost` start it as their application. */
export const hostVariable = 'TEST_HOST_FOLDER';

/** One running process of the application. */
export interface AppProcess {
  readonly pid: number;
  /**
   * Sends a signal, unless the process has already ended.
   * @returns the exit code after the end, or null if the signal killed the process.
   * @throws Error if the process has ended by itself. That is a defect in every test.
   */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/**
 * Starts the application and waits until it is up.
 * @param host the folder of the host to start, or null for the application itself.
 * @throws Error with the output if it ends before.
 */
export async function startAppProcess(
  env: Readonly<Record<string, string>>,
  onOutput: (text: string) => void = () => undefined,
  host?: string | null,
): Promise<AppProcess> {
  let output = '';
  const take = (text: string) => {
    output += text;
    onOutput(text);
  };
  const child = spawnStrapi(env, take, host);
  let isAskedToEnd = false;
  await new Promise<void>((resolve, reject) => {
    const look = () => {
      if (!output.includes('Strapi started successfully')) return;
      child.stdout?.off('data', look);
      resolve();
    };
    child.stdout?.on('data', look);
    child.once('close', () => reject(new Error(`The application ended at startup:\n${output}`)));
  });
  return {
    pid: child.pid ?? 0,
    async end(signal) {
      const hasEnded = child.exitCode !== null || child.signalCode !== null;
      if (hasEnded && !isAskedToEnd) {
        throw new Error(`The application ended by itself:\n${output.slice(-4_000)}`);
      }
      isAskedToEnd = true;
      if (!hasEnded) {
        // Not 'exit', because the last output can arrive after it.
        const closed = once(child, 'close');
        child.kill(signal);
        await closed;
      }
      return child.exitCode;
    },
  };
}

/** Runs the command of `npm start`. From this process's environment, it gets only `PATH` and the module cache. */
export function spawnStrapi(
  env: Readonly<Record<string, string>>,
  onOutput: (text: string) => void,
  host: string | null = (inHost && process.env[hostVariable]) || null,
): ChildProcess {
  const command = host === null ? applicationCommand(env) : hostCommand(host, env);
  const child = spawn(process.execPath, command.args, {
    cwd: command.cwd,
    // The time zone is not UTC, because dates must be correct in every time zone.
    // ENV_PATH excludes the developer's `.env`.
    env: {
      PATH: process.env['PATH'] ?? '',
      TZ: 'Asia/Shanghai',
      ENV_PATH: '/dev/null',
      ...command.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.setEncoding('utf8').on('data', onOutput);
  child.stderr.setEncoding('utf8').on('data', onOutput);
  return child;
}

function applicationCommand(env: Readonly<Record<string, string>>) {
  const cache = withModuleCache();
  return { args: [...cache.args, ...startArgs(root)], cwd: root, env: { ...cache.env, ...env } };
}
