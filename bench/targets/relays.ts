import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { freePort } from '../../tests/support/free-port';
import { collectGarbage, debuggable } from '../support/garbage';
import { childrenOf } from '../support/proc';
import { startProcess, startScript, untilAnswers, type OwnProcess } from '../support/processes';
import { toQuery, type Plan } from '../upstream/plan';
import { direct, toRequest, type Target } from './target';

export interface RelayOptions {
  readonly upstreamPort: number;
  readonly workFolder: string;
}

const authorization = { Authorization: 'Bearer app-bench' };

function toDifyRequest(plan: Plan): string {
  const body = {
    query: toQuery(plan),
    inputs: { prompt: 'You are Ada, a mathematician.' },
    user: 'bench',
    response_mode: 'streaming',
    conversation_id: '',
  };
  return toRequest({
    path: '/v1/chat-messages',
    headers: { ...authorization, Accept: 'text/event-stream' },
    body,
  });
}

interface Running {
  readonly port: number;
  readonly own: OwnProcess;
}

interface RelayDescription {
  readonly name: string;
  readonly does: string;
  readonly start: () => Promise<Running>;
  readonly toPids?: (pid: number) => readonly number[];
  readonly request?: (plan: Plan) => string;
  readonly isNode?: boolean;
}

async function createRelay(relay: RelayDescription): Promise<Target> {
  const { name, does, start, toPids = (pid) => [pid], request = toDifyRequest, isNode = true } = relay;
  let running = await start();
  return {
    name,
    does,
    port: () => running.port,
    pids: () => toPids(running.own.pid),
    requests: (plan) => [request(plan)],
    collectGarbage: () => (isNode ? collectGarbage(running.own) : Promise.resolve()),
    async restart() {
      await running.own.stop();
      running = await start();
    },
    stop: () => running.own.stop(),
  };
}

/** The upstream itself, with nothing in between. Its processor time is not measured. */
export function createDirect({ upstreamPort }: RelayOptions): Target {
  return {
    name: direct,
    does: 'nothing in between',
    port: () => upstreamPort,
    pids: () => [],
    requests: (plan) => [toDifyRequest(plan)],
    collectGarbage: () => Promise.resolve(),
    restart: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
}

export function createPipe({ upstreamPort, workFolder }: RelayOptions): Promise<Target> {
  const script = {
    script: 'bench/peers/pipe.ts',
    args: [String(upstreamPort)],
    logFile: path.join(workFolder, 'pipe.log'),
  };
  return createRelay({ name: 'pipe', does: 'bytes', start: () => startNode(script) });
}

export function createHttpProxy(
  { upstreamPort, workFolder }: RelayOptions,
  peersFolder: string,
): Promise<Target> {
  const script = {
    script: 'bench/peers/http-proxy.ts',
    args: [String(upstreamPort), peersFolder],
    logFile: path.join(workFolder, 'http-proxy.log'),
  };
  return createRelay({ name: 'http-proxy', does: 'bytes', start: () => startNode(script) });
}

async function startNode(script: Parameters<typeof startScript>[0]): Promise<Running> {
  const own = await startScript(script);
  return { own, port: own.port };
}

/** @returns null when nginx is not installed. */
export async function createNginx({ upstreamPort, workFolder }: RelayOptions): Promise<Target | null> {
  if (spawnSync('nginx', ['-v']).error !== undefined) return null;
  const folder = path.join(workFolder, 'nginx');
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const file = path.join(folder, 'nginx.conf');
  writeFileSync(file, nginxConfig({ folder, port, upstreamPort }));
  return createRelay({
    name: 'nginx',
    does: 'bytes',
    toPids: childrenOf,
    isNode: false,
    async start() {
      const own = startProcess({
        command: 'nginx',
        args: ['-p', folder, '-c', file, '-e', path.join(folder, 'error.log')],
        logFile: path.join(folder, 'output.log'),
      });
      await untilAnswers(own, { url: `http://127.0.0.1:${port}/` });
      return { own, port };
    },
  });
}

function nginxConfig({ folder, port, upstreamPort }: { folder: string; port: number; upstreamPort: number }) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ');
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  return `${user} daemon off; worker_processes 1; worker_rlimit_nofile 20000;
pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 10000; }
http {
  access_log off; ${temporary}
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${upstreamPort};
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_read_timeout 300s;
    }
  }
}
`;
}

/** The best known gateway to language models on Node. It treats the upstream as OpenAI and passes its frames on. */
export async function createPortkey(
  { upstreamPort, workFolder }: RelayOptions,
  peersFolder: string,
): Promise<Target> {
  const script = path.join(peersFolder, 'node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js');
  const headers = {
    ...authorization,
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `http://127.0.0.1:${upstreamPort}/v1`,
  };
  return createRelay({
    name: 'portkey',
    does: 'bytes, checked requests',
    request: (plan) =>
      toRequest({
        path: '/v1/chat/completions',
        headers,
        body: { model: 'bench', stream: true, messages: [{ role: 'user', content: toQuery(plan) }] },
      }),
    async start() {
      const port = await freePort();
      const own = startProcess({
        command: process.execPath,
        args: [debuggable, script, `--port=${port}`, '--headless'],
        env: { NODE_ENV: 'production', TRUSTED_CUSTOM_HOSTS: '127.0.0.1,localhost' },
        logFile: path.join(workFolder, 'portkey.log'),
      });
      await untilAnswers(own, { url: `http://127.0.0.1:${port}/` });
      return { own, port };
    },
  });
}
