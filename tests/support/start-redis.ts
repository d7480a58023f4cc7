import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { freePort } from './free-port';

/** A real Redis server in its own folder. It saves nothing, so that it forgets everything when it stops. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Kills the server. Its clients lose their connections. */
  stop(): Promise<void>;
  /** Starts it again on the same port, empty. */
  start(): Promise<void>;
  /** Keeps the connections open and answers nothing until `resume`. */
  pause(): void;
  resume(): void;
  /** Stops it for good. */
  close(): Promise<void>;
}

const programs = [...(process.env['PATH'] ?? '').split(':'), '/usr/bin', '/usr/local/bin']
  .map((folder) => path.join(folder, 'redis-server'))
  .filter((file) => existsSync(file));

/** Whether redis-server is installed. */
export const hasRedis = programs.length > 0;

/** Starts a Redis server on a free port. @throws Error if none is installed. */
export async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  const [program] = programs;
  if (program === undefined) throw new Error('redis-server is not installed.');
  const folder = await mkdtemp(path.join(tmpdir(), 'chat-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const server: RedisServer = {
    url: `redis://127.0.0.1:${port}`,
    port,
    async start() {
      const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', dir: folder };
      child = spawn(program, [...Object.entries(settings).flatMap(toArguments), ...args], {
        stdio: 'ignore',
      });
      await accepts(port, child);
    },
    async stop() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async close() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

const toArguments = ([name, value]: [string, string | number]): string[] => [`--${name}`, String(value)];

async function accepts(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => socket.end('PING\r\n'));
      socket.once('data', () => resolve(true)).once('error', () => resolve(false));
      socket.once('close', () => resolve(false)).setTimeout(1_000, () => socket.destroy());
    });
    if (isOpen) return;
    await pause(20);
  }
  throw new Error(`redis-server ended with ${child.exitCode}.`);
}
