import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';

import type { Knex } from 'knex';

import { createDifyEmulator, type DifyEmulator, type DifyEmulatorOptions } from '../dify-emulator';
import { createAdmin, type Admin } from './admin';
import { assertCleanLog, canaries } from './canaries';
import { createClient, type Client } from './client';
import { createDatabase, type TestDatabase } from './database';
import { freePort } from './free-port';

const root = path.resolve(__dirname, '..', '..');
const strapiCommand = path.join(root, 'node_modules', '@strapi', 'strapi', 'bin', 'strapi.js');

/** Settings of the suite, and with them what a deployment has to set. */
export const baseEnv = {
  NODE_ENV: 'production',
  HOST: '127.0.0.1',
  SERVE_ADMIN_PANEL: 'false',
  STARTUP_BANNER: 'false',
  AUTH_MAX_ATTEMPTS_PER_MINUTE: '10000',
  APP_KEYS: randomBytes(16).toString('hex'),
  ADMIN_JWT_SECRET: randomBytes(16).toString('hex'),
  API_TOKEN_SALT: randomBytes(16).toString('hex'),
  TRANSFER_TOKEN_SALT: randomBytes(16).toString('hex'),
  ENCRYPTION_KEY: randomBytes(16).toString('hex'),
  JWT_SECRET: randomBytes(16).toString('hex'),
};

/** The application as operators run it: a process of its own on a real database and real sockets; Dify is the emulator. */
export interface App {
  readonly url: string;
  readonly dify: DifyEmulator;
  /** A second connection to the application's database. */
  readonly db: Knex;
  readonly database: TestDatabase;
  readonly admin: Admin;
  readonly anonymous: Client;
  /** A new user, registered over HTTP. */
  createUser(): Promise<Client>;
  /** What the process has written so far. */
  output(): string;
  /** Ends the process as a power cut would, and starts another on the same database. */
  killAndRestart(): Promise<void>;
  /** Sends the process a signal. @returns its exit code, once it has ended. */
  signal(signal: NodeJS.Signals): Promise<number | null>;
  /** Ends everything, and searches the output for what must not be in it. */
  stop(): Promise<void>;
}

export interface AppOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly dify?: DifyEmulatorOptions;
  /** Variables that need to know the emulator. */
  readonly difyEnv?: (dify: DifyEmulator) => Readonly<Record<string, string>>;
}

export async function startApp({ env = {}, dify: difyOptions = {}, difyEnv }: AppOptions = {}): Promise<App> {
  const database = await createDatabase();
  const dify = await createDifyEmulator({
    apps: [{ key: `app-${canaries.key}`, mode: 'chat' }],
    ...difyOptions,
  }).listen();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const variables = {
    ...baseEnv,
    ...database.env,
    PORT: String(port),
    DIFY_API_URL: dify.url,
    DIFY_API_KEY: dify.apiKey,
    ...env,
    ...difyEnv?.(dify),
  };
  const output: string[] = [];
  let child = await startProcess(variables, output);
  const db = database.connect();
  const admin = await createAdmin(url);
  const tokens = [admin.client.token ?? ''];
  let users = 0;

  return {
    url,
    dify,
    db,
    database,
    admin,
    anonymous: createClient(url),
    async createUser() {
      users += 1;
      const username = `user${users}`;
      const account = { username, email: `${username}@example.com`, password: 'Passw0rd-of-tests' };
      const { body } = await createClient(url).post('/api/auth/local/register', account);
      tokens.push(body.jwt);
      return createClient(url, body.jwt, body.user);
    },
    output: () => output.join(''),
    async killAndRestart() {
      await end(child, 'SIGKILL');
      child = await startProcess(variables, output);
    },
    async signal(signal) {
      await end(child, signal);
      return child.exitCode;
    },
    async stop() {
      await end(child, 'SIGTERM');
      await dify.close();
      await db.destroy();
      await database.drop();
      assertCleanLog(output.join(''), tokens);
    },
  };
}

/** Settles when the application is up; says why if it does not come up. */
async function startProcess(env: Readonly<Record<string, string>>, output: string[]): Promise<ChildProcess> {
  const child = spawnStrapi(env, (text) => output.push(text));
  await new Promise<void>((resolve, reject) => {
    const own: string[] = [];
    child.stdout?.on('data', (text: string) => {
      own.push(text);
      if (own.join('').includes('Strapi started successfully')) resolve();
    });
    child.once('exit', () => reject(new Error(`The application ended at its start:\n${output.join('')}`)));
  });
  return child;
}

/** `strapi start` with these variables and nothing else of this process's environment. */
export function spawnStrapi(
  env: Readonly<Record<string, string>>,
  onOutput: (text: string) => void,
): ChildProcess {
  const child = spawn(process.execPath, [strapiCommand, 'start'], {
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

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
