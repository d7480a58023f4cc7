import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { freePort } from './free-port';

/** An nginx before the application. */
export interface Nginx {
  readonly url: string;
  stop(): Promise<void>;
}

/** Debian has it in a folder that is not in the PATH of everybody. */
const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` };

export const hasNginx = (): boolean => spawnSync('nginx', ['-v'], { env }).error === undefined;

/**
 * Starts nginx before a server.
 * @param directives are those of the `location`, after `proxy_pass`.
 */
export async function startNginx(upstreamUrl: string, directives: string): Promise<Nginx> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chat-nginx-'));
  const port = await freePort();
  const file = path.join(folder, 'nginx.conf');
  const bodies = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ');
  writeFileSync(
    file,
    `daemon off; pid ${folder}/pid; error_log stderr; worker_processes 1;
    events {}
    http { access_log off; ${bodies}
      server { listen 127.0.0.1:${port}; location / { proxy_pass ${upstreamUrl}; ${directives} } } }`,
  );
  const child = spawn('nginx', ['-e', 'stderr', '-p', folder, '-c', file], { env });
  let output = '';
  child.stderr.on('data', (text: Buffer) => (output += text.toString()));
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`nginx has ended: ${output}`);
    await setTimeout(20);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
