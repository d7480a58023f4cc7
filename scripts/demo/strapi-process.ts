import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';

import type { Variables } from '../env-file';
import { DemoError, dim } from './screen';

const healthyWithinMs = 120_000;
const endsWithinMs = 10_000;

export interface StrapiProcess {
  /** Resolves when Strapi replies. @throws DemoError with the log when Strapi ends earlier, or after 120 s. */
  healthy(signal: AbortSignal): Promise<void>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  /** Sends SIGTERM, and SIGKILL after ten seconds. */
  stop(): Promise<void>;
  /** Sends SIGKILL immediately. */
  kill(): void;
  /** Returns the last lines of the log. */
  logTail(): string;
}

export interface StrapiOptions {
  readonly url: string;
  readonly variables: Variables;
  readonly logFile: string;
}

/**
 * Starts the built application as a separate process. Its output overwrites `logFile`. Only the owner can read files
 * that it creates, such as databases.
 */
export function startStrapi({ url, variables, logFile }: StrapiOptions): StrapiProcess {
  // A child process inherits the umask of its parent.
  const mask = process.umask(0o077);
  const log = openSync(logFile, 'w');
  const child = spawn(process.execPath, ['node_modules/@strapi/strapi/bin/strapi.js', 'start'], {
    env: { ...process.env, ...variables },
    stdio: ['ignore', log, log],
    // A separate process group: Ctrl-C reaches only this process, which then ends Strapi.
    detached: process.platform !== 'win32',
  });
  closeSync(log);
  process.umask(mask);
  const ended = once(child, 'exit').then(() => undefined);
  const logTail = () => tail(logFile);
  return {
    ended,
    logTail,
    kill: () => void child.kill('SIGKILL'),
    stop: () => stop(child, ended),
    async healthy(signal) {
      const deadline = Date.now() + healthyWithinMs;
      while (!(await answers(`${url}/_health`))) {
        signal.throwIfAborted();
        if (isOver(child)) throw new DemoError(`Strapi ended during its start.\n\n${logTail()}`);
        if (Date.now() > deadline)
          throw new DemoError(`Strapi did not reply within ${healthyWithinMs / 1000} s.\n\n${logTail()}`);
        await sleep(250, undefined, { signal });
      }
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (isOver(child)) return;
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), endsWithinMs);
  await ended;
  clearTimeout(killer);
}

function isOver(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function tail(file: string): string {
  const lines = stripVTControlCharacters(readFileSync(file, 'utf8')).trimEnd().split('\n').slice(-25);
  return `The end of the log (the whole log is in ${file}):\n\n${dim(lines.join('\n'))}`;
}
