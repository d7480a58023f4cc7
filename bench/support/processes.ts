import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';

import { z } from 'zod';

import { debuggable } from './garbage';
import { root } from './paths';

const tsx = pathToFileURL(createRequire(path.join(root, 'package.json')).resolve('tsx')).href;
const endsWithinMs = 15_000;

/** A process that this benchmark starts and ends. */
export interface OwnProcess {
  readonly pid: number;
  /** The file with its whole output. */
  readonly logFile: string;
  /** Returns the last lines of the output. */
  logTail(): string;
  hasEnded(): boolean;
  stop(): Promise<void>;
}

export interface SpawnOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly logFile: string;
  readonly ipc?: boolean;
}

/** The child inherits only PATH from the environment of this process. */
function spawnChild({
  command,
  args,
  env = {},
  cwd = root,
  logFile,
  ipc = false,
}: SpawnOptions): ChildProcess {
  const log = openSync(logFile, 'w');
  const child = spawn(command, [...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', log, log, ...(ipc ? (['ipc'] as const) : [])],
  });
  closeSync(log);
  return child;
}

export function startProcess(options: SpawnOptions): OwnProcess {
  return toOwnProcess(spawnChild(options), options.logFile);
}

/** None outlives this process, however it ends. */
const living = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of living) child.kill('SIGTERM');
});

function toOwnProcess(child: ChildProcess, logFile: string): OwnProcess {
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  living.add(child);
  child.once('exit', () => living.delete(child));
  return {
    pid: child.pid ?? 0,
    logFile,
    hasEnded,
    logTail: () => readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-15).join('\n'),
    async stop() {
      if (hasEnded()) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), endsWithinMs);
      await ended;
      clearTimeout(killer);
    },
  };
}

/** A script of this repository that runs as a separate process. */
export interface NodeProcess extends OwnProcess {
  /** The port on which it listens. */
  readonly port: number;
  send(message: Readonly<Record<string, unknown>>): void;
  /** @returns a function that removes the listener. */
  onMessage(listener: (message: unknown) => void): () => void;
}

export interface ScriptOptions {
  /** Path of a TypeScript file, relative to the project root. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly logFile: string;
}

/** Resolves when the script has sent its port. @throws Error when it ends before that. */
export async function startScript({ script, args = [], logFile }: ScriptOptions): Promise<NodeProcess> {
  const child = spawnChild({
    command: process.execPath,
    args: [debuggable, '--import', tsx, path.join(root, script), ...args],
    logFile,
    ipc: true,
  });
  const own = toOwnProcess(child, logFile);
  const failed = once(child, 'exit').then(() => {
    throw new Error(`${script} ended during its start:\n${own.logTail()}`);
  });
  const [message] = (await Promise.race([once(child, 'message'), failed])) as [unknown];
  failed.catch(() => undefined);
  const { port } = z.object({ port: z.number() }).parse(message);
  return {
    ...own,
    port,
    send: (job) => void child.send(job),
    onMessage(listener) {
      child.on('message', listener);
      return () => void child.off('message', listener);
    },
  };
}

/** Waits until a server replies. Asks every 10 ms. @throws Error when its process ends, or at the deadline. */
export async function untilAnswers(
  own: OwnProcess,
  { url, withinMs = 120_000 }: { url: string; withinMs?: number },
): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    if (own.hasEnded()) throw new Error(`The process ended during its start:\n${own.logTail()}`);
    if (Date.now() > deadline) throw new Error(`No reply within ${withinMs} ms:\n${own.logTail()}`);
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    await response?.body?.cancel();
    if (response !== undefined && response.status < 500) return;
    await pause(10);
  }
}
