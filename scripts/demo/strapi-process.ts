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
  /** Resolves when it answers. @throws DemoError with the end of the log when it ends before, or takes too long. */
  healthy(signal: AbortSignal): Promise<void>;
  /** Resolves when the process is over, whoever ended it. */
  readonly ended: Promise<void>;
  /** Asks it to end, and after ten seconds makes it. */
  stop(): Promise<void>;
  /** At once. */
  kill(): void;
  /** The end of what it has written. */
  logTail(): string;
}

export interface StrapiOptions {
  readonly url: string;
  readonly variables: Variables;
  readonly logFile: string;
}

/**
 * Starts the built application in a process of its own. What it writes goes to `logFile`, begun anew. The files it makes,
 * databases above all, can be read by their owner alone.
 */
export function startStrapi({ url, variables, logFile }: StrapiOptions): StrapiProcess {
  // A child begins with the mask of its parent.
  const mask = process.umask(0o077);
  const log = openSync(logFile, 'w');
  const child = spawn(process.execPath, ['node_modules/@strapi/strapi/bin/strapi.js', 'start'], {
    env: { ...process.env, ...variables },
    stdio: ['ignore', log, log],
    // A process group of its own: Ctrl-C reaches us, and we end it in order.
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
        if (isOver(child)) throw new DemoError(`Strapi ended while starting.\n\n${logTail()}`);
        if (Date.now() > deadline)
          throw new DemoError(`Strapi did not answer within ${healthyWithinMs / 1000} s.\n\n${logTail()}`);
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
  return `The end of its log (all of it is in ${file}):\n\n${dim(lines.join('\n'))}`;
}
