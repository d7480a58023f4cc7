import path from 'node:path';

import { freePort } from '../../tests/support/free-port';
import { startArgs } from '../../tests/support/start-args';
import type { BenchDatabase } from '../support/database';
import { debuggable } from '../support/garbage';
import { root } from '../support/paths';
import { startProcess, untilAnswers, type OwnProcess } from '../support/processes';

const strapi = path.join(root, 'node_modules', '@strapi', 'strapi', 'bin', 'strapi.js');

/** Variables of all applications: production mode, without the admin panel. */
const commonEnv = {
  NODE_ENV: 'production',
  HOST: '127.0.0.1',
  ENV_PATH: '/dev/null',
  SERVE_ADMIN_PANEL: 'false',
  APP_KEYS: 'bench-key-one,bench-key-two',
  ADMIN_JWT_SECRET: 'bench-admin-jwt-secret',
  API_TOKEN_SALT: 'bench-api-token-salt',
  TRANSFER_TOKEN_SALT: 'bench-transfer-token-salt',
  ENCRYPTION_KEY: 'bench-encryption-key-of-32-chars',
  JWT_SECRET: 'bench-jwt-secret',
};

const folders = {
  stock: path.join(root, 'bench', 'peers', 'stock-strapi'),
  vanilla: path.join(root, 'bench', 'peers', 'vanilla-strapi'),
} as const;
/** `before` is another revision of `ours`. */
export type Application = 'ours' | 'before' | keyof typeof folders;

export const isOurs = (application: Application): application is 'ours' | 'before' =>
  application === 'ours' || application === 'before';

export interface StrapiOptions {
  readonly application: Application;
  /** The folder of `before`. */
  readonly folder?: string;
  readonly database: BenchDatabase;
  readonly upstreamPort: number;
  readonly workFolder: string;
  /** Only `ours` uses it. */
  readonly redisUrl?: string | undefined;
  /** Node options before the script, e.g. `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
}

export interface StrapiProcess extends OwnProcess {
  readonly port: number;
  readonly url: string;
  /** Time from the start of the process to its first reply. */
  readonly readyMs: number;
}

/** Raises the user limits: the few users of a benchmark ask as much as thousands would. */
const oursEnv = {
  STARTUP_BANNER: 'false',
  AUTH_MAX_ATTEMPTS_PER_MINUTE: '100000',
  AUTH_ACCESS_TOKEN_SECONDS: '36000',
  CHAT_MAX_TURNS_AT_ONCE: '1000',
  CHAT_TURNS_PER_MINUTE: '100000',
  DIFY_ANSWERS_AT_ONCE: '0',
  DIFY_SPACE_QUESTIONS: 'false',
  CHAT_WRITES_PER_MINUTE: '100000',
  CHAT_STORED_CHARS_PER_DAY: '2000000000',
  CHAT_MAX_LIVE_TURNS: '10000',
};

export async function startStrapi(options: StrapiOptions): Promise<StrapiProcess> {
  const { application, database, upstreamPort, workFolder, redisUrl, nodeArgs = [] } = options;
  const folder = folderOf(options);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const beganAt = performance.now();
  const own = startProcess({
    command: process.execPath,
    // The command of `npm start` in that folder.
    args: [debuggable, ...nodeArgs, ...(isOurs(application) ? startArgs(folder) : [strapi, 'start'])],
    cwd: folder,
    env: {
      ...commonEnv,
      ...(isOurs(application) && oursEnv),
      ...(application === 'ours' && redisUrl !== undefined && { REDIS_URL: redisUrl }),
      ...database.env,
      PORT: String(port),
      DIFY_API_URL: `http://127.0.0.1:${upstreamPort}`,
      DIFY_API_KEY: 'app-bench',
    },
    logFile: path.join(workFolder, `${application}-${port}.log`),
  });
  await untilAnswers(own, { url: `${url}/_health` });
  return { ...own, port, url, readyMs: performance.now() - beganAt };
}

function folderOf({ application, folder }: StrapiOptions): string {
  if (application === 'ours') return root;
  if (application !== 'before') return folders[application];
  if (folder === undefined) throw new Error('The folder of the other revision is missing.');
  return folder;
}
