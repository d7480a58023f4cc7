import { createHash } from 'node:crypto';

import type { Knex } from 'knex';

import { createDifyEmulator, type DifyEmulator, type DifyEmulatorOptions } from '../dify-emulator';
import { createAdmin, password, type Admin } from './admin';
import { startAppProcess, type AppProcess } from './app-process';
import { assertCleanLog, canaries } from './canaries';
import { createClient, type Client } from './client';
import { copyTemplate, createDatabase, type TestDatabase } from './database';
import { freePort } from './free-port';

/** The same in every process of a test run, because they belong to the databases that it copies. */
const strapiSecrets = Object.fromEntries(
  [
    'APP_KEYS',
    'ADMIN_JWT_SECRET',
    'API_TOKEN_SALT',
    'TRANSFER_TOKEN_SALT',
    'ENCRYPTION_KEY',
    'JWT_SECRET',
  ].map((name) => [name, createHash('sha256').update(`tests: ${name}`).digest('hex').slice(0, 32)]),
);

/** Secrets that the output must not contain, in addition to the canaries. */
export const secretsOfTests = [password, ...Object.values(strapiSecrets)];

/** Settings of the test suite. They include the secrets that every deployment must set. */
export const baseEnv = {
  NODE_ENV: 'production',
  HOST: '127.0.0.1',
  SERVE_ADMIN_PANEL: 'false',
  STARTUP_BANNER: 'false',
  AUTH_MAX_ATTEMPTS_PER_MINUTE: '10000',
  CHAT_MAX_TURNS_AT_ONCE: '1000',
  CHAT_TURNS_PER_MINUTE: '100000',
  CHAT_WRITES_PER_MINUTE: '100000',
  CHAT_STORED_CHARS_PER_DAY: '2000000000',
  CHAT_MAX_READS_AT_ONCE: '1000',
  DIFY_ANSWERS_AT_ONCE: '0',
  DIFY_SPACE_QUESTIONS: 'false',
  // Long enough for one request, because Dify's emulator saves an answer immediately or never.
  CHAT_RECOVERY_SECONDS: '0.3',
  ...strapiSecrets,
};

/** The application in its own process, with a real database and real sockets. An emulator replaces Dify. */
export interface App {
  readonly url: string;
  readonly dify: DifyEmulator;
  /** A separate connection to the application's database. */
  readonly db: Knex;
  readonly database: TestDatabase;
  /** The environment variables of the main process. */
  readonly variables: Readonly<Record<string, string>>;
  readonly admin: Admin;
  readonly anonymous: Client;
  /** Registers a new user over HTTP. */
  createUser(): Promise<Client>;
  /** Returns the output of all processes so far. */
  output(): string;
  /** Returns the id of the main process. */
  pid(): number;
  /** Kills the main process with SIGKILL, and starts another one on the same database. */
  killAndRestart(): Promise<void>;
  /** Sends the main process a signal. @returns the exit code after its end, or null if the signal killed it. */
  signal(signal: NodeJS.Signals): Promise<number | null>;
  /** Starts a new main process after the last one has ended. */
  restart(): Promise<void>;
  /** Starts another process on the same database and Dify. `stop` ends it, too. @returns its URL. */
  startAnother(env?: Readonly<Record<string, string>>): Promise<string>;
  /** Sends a process of `startAnother` a signal that ends it. Settles after its end. */
  signalAnother(url: string, signal: NodeJS.Signals): Promise<void>;
  /** Returns the id of a process of `startAnother`. */
  pidOfAnother(url: string): number;
  /** Ends all processes, and checks that the output contains no secret. */
  stop(): Promise<void>;
}

export interface AppOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly dify?: DifyEmulatorOptions;
  /** Starts on an empty database. By default, it is a copy that has the tables already. */
  readonly isEmpty?: boolean;
  /** Fills an empty database before the application opens it. */
  readonly prepare?: (database: TestDatabase) => Promise<void>;
  /** Returns variables that depend on the emulator. */
  readonly difyEnv?: (dify: DifyEmulator) => Readonly<Record<string, string>>;
}

export async function startApp(options: AppOptions = {}): Promise<App> {
  const { env = {}, dify: difyOptions = {}, prepare, isEmpty = prepare !== undefined, difyEnv } = options;
  const database = await (isEmpty ? createDatabase() : copyTemplate());
  await prepare?.(database);
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
  let output = '';
  const onOutput = (text: string) => void (output += text);
  let main = await startAppProcess(variables, onOutput);
  const others = new Map<string, AppProcess>();
  const db = database.connect();
  const admin = await createAdmin(url);
  let users = 0;

  return {
    url,
    dify,
    db,
    database,
    variables,
    admin,
    anonymous: createClient(url),
    async createUser() {
      users += 1;
      const username = `user${users}`;
      const account = { username, email: `${username}@example.com`, password };
      const { body } = await createClient(url).post('/api/auth/local/register', account);
      return createClient(url, body.jwt, body.user);
    },
    output: () => output,
    pid: () => main.pid,
    async killAndRestart() {
      await main.end('SIGKILL');
      main = await startAppProcess(variables, onOutput);
    },
    signal: (signal) => main.end(signal),
    async restart() {
      main = await startAppProcess(variables, onOutput);
    },
    async startAnother(changes = {}) {
      const otherPort = await freePort();
      const otherUrl = `http://127.0.0.1:${otherPort}`;
      const env = { ...variables, PORT: String(otherPort), ...changes };
      others.set(otherUrl, await startAppProcess(env, onOutput));
      return otherUrl;
    },
    async signalAnother(otherUrl, signal) {
      await others.get(otherUrl)?.end(signal);
      others.delete(otherUrl);
    },
    pidOfAnother: (otherUrl) => others.get(otherUrl)?.pid ?? 0,
    async stop() {
      for (const child of [...others.values(), main]) await child.end('SIGTERM');
      await dify.close();
      await db.destroy();
      await database.drop();
      assertCleanLog(output, secretsOfTests);
    },
  };
}
