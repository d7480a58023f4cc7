import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { parse } from 'yaml';
import { env as strapiEnv } from '@strapi/utils';

import readDatabase from '../config/database';
import { secretNames } from '../scripts/secrets';
import { parseChatSettings } from '../src/chat/settings';
import { parseHistoryStoreSettings } from '../src/history/settings';
import { createIgnore, parseCopy, parseDockerfile, type Stage } from './support/dockerfile';
import { freePort } from './support/free-port';
import { startArgs } from './support/start-args';
import { until } from './support/until';

const root = path.resolve(__dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

const stages = parseDockerfile(read('Dockerfile'));
const image = stages.at(-1) as Stage;
const isIgnored = createIgnore(read('.dockerignore'));
const argsOf = (name: string, among: readonly Stage[] = stages) =>
  among.flatMap(({ instructions }) =>
    instructions.filter((one) => one.name === name).map(({ args }) => args),
  );
const toCommand = (json = '') => JSON.parse(json) as [string, ...string[]];
const start = toCommand(argsOf('CMD', [image])[0]);
const checkHealth = toCommand(/CMD (\[.*\])$/u.exec(argsOf('HEALTHCHECK', [image])[0] ?? '')?.[1]);
/** The folders that the user of the image may write to. */
const ownFolders = argsOf('RUN', [image]).flatMap((args) => /^chown node:node (.+)$/u.exec(args)?.[1] ?? []);

describe('the Dockerfile', () => {
  it('copies only paths that exist and that .dockerignore keeps', () => {
    const sources = argsOf('COPY')
      .map(parseCopy)
      .filter(({ from }) => from === undefined)
      .flatMap((copy) => copy.sources);
    expect(sources).toContain('.');
    for (const source of sources.filter((one) => one !== '.')) {
      expect([source, existsSync(path.join(root, source)), isIgnored(source)]).toEqual([source, true, false]);
    }
  });

  it('runs npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: object };
    const named = argsOf('RUN').flatMap((args) => /^npm run (\S+)$/u.exec(args)?.[1] ?? []);
    expect(named).toEqual(['build']);
    expect(scripts).toHaveProperty(named);
  });

  it('installs the lock file exactly, and keeps no development dependency', () => {
    expect(argsOf('RUN')).toEqual(expect.arrayContaining(['npm ci', 'npm prune --omit=dev']));
  });

  it('starts the server by the command of npm start, as a user without rights', () => {
    expect(start).toEqual(['node', ...startArgs(root)]);
    expect(argsOf('USER', [image])).toEqual(['node']);
  });

  it.each([
    [200, 0],
    [503, 1],
  ])('has a health check that turns a readiness of %i into the exit code %i', async (status, code) => {
    const asked: unknown[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url);
      response.writeHead(status).end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await healthOf(port)).toBe(code);
    expect(asked).toEqual(['/api/chat/ready']);
    await new Promise((resolve) => server.close(resolve));
  });

  it('has a health check that fails while nothing listens', async () => {
    expect(await healthOf(await freePort())).toBe(1);
  });
});

describe('.dockerignore', () => {
  it.each([
    '.env',
    '.env.production',
    '.git/config',
    '.tmp/data.db',
    'data.db',
    'dist/src/index.js',
    'node_modules/koa/package.json',
    'public/uploads/photo.png',
    'tests/docker.test.ts',
    'compose.yaml',
  ])('leaves out %s', (file) => {
    expect(isIgnored(file)).toBe(true);
  });

  it.each([
    'src/index.ts',
    'src/admin/tsconfig.json',
    'public/uploads/.gitkeep',
    'public/index.html',
    '.npmrc',
  ])('keeps %s', (file) => {
    expect(isIgnored(file)).toBe(false);
  });
});

interface Service {
  readonly environment?: Readonly<Record<string, unknown>>;
  readonly volumes?: readonly string[];
  readonly configs?: readonly { readonly source: string }[];
  readonly profiles?: readonly string[];
  readonly healthcheck?: object;
  readonly stop_grace_period?: string;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
}

const composeText = read('compose.yaml');
const compose = parse(composeText) as Compose;
const { app = {}, postgres = {}, redis = {} } = compose.services;
const example = [...read('.env.example').matchAll(/^(?:# )?([A-Z][A-Z0-9_]*)=/gmu)].map(([, name]) => name);
/** The variables that Compose takes from the environment, each with what follows its name. */
const taken = [...composeText.matchAll(/\$\{([A-Z_]+)([^}]*)\}/gu)].map(([, name = '', rest = '']) => ({
  name,
  rest,
}));

/** Fills in variables as Compose does. */
function environmentOf(service: Service, given: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(service.environment ?? {}).map(([name, value]) => [
      name,
      String(value).replaceAll(
        /\$\{([A-Z_]+)(?::-([^}]*))?[^}]*\}/gu,
        (_, variable: string, fallback = '') => given[variable] ?? String(fallback),
      ),
    ]),
  );
}

describe('compose.yaml', () => {
  const secrets = [...secretNames, 'DATABASE_PASSWORD'];
  const given = {
    ...Object.fromEntries(secrets.map((name) => [name, `${name}0`.replaceAll('_', '')])),
    DIFY_API_URL: 'https://dify.example/v1',
    DIFY_API_KEY: 'app-1',
  };
  const environment = environmentOf(app, given);

  it('gives the server and takes from the environment only variables of .env.example', () => {
    const named = [...Object.keys(environment), ...taken.map(({ name }) => name)];
    expect(named.filter((name) => !example.includes(name))).toEqual([]);
  });

  it('refuses to start without a secret, says what to set, and has no default for one', () => {
    for (const secret of secrets) {
      const uses = taken.filter(({ name }) => name === secret);
      expect(uses.some(({ rest }) => /^:\?\w.+\.$/u.test(rest))).toBe(true);
      expect(uses.filter(({ rest }) => rest.startsWith(':-'))).toEqual([]);
    }
    expect(Object.keys(environment)).toEqual(expect.arrayContaining([...secretNames]));
  });

  it('gives the server settings that it accepts', () => {
    expect(parseChatSettings(environment).drainTimeoutMs).toBe(30_000);
  });

  it('names the databases that PostgreSQL creates', () => {
    const { POSTGRES_DB, POSTGRES_USER, POSTGRES_PASSWORD } = environmentOf(postgres, given);
    const login = `postgres://${POSTGRES_USER}:${POSTGRES_PASSWORD}@postgres:5432`;
    const { connection } = withVariables(environment, () => readDatabase({ env: strapiEnv }));
    expect(connection).toMatchObject({
      client: 'postgres',
      connection: { connectionString: `${login}/${POSTGRES_DB}` },
    });
    const [config] = postgres.configs ?? [];
    const [, created] =
      /^create database (\w+);$/u.exec(compose.configs[config?.source ?? '']?.content ?? '') ?? [];
    expect(
      parseHistoryStoreSettings({ ...environment, folder: root, mainDatabase: connection }),
    ).toMatchObject({
      address: { kind: 'postgres', connection: `${login}/${created}` },
      dailyPartitions: true,
    });
  });

  it('waits at least twenty seconds longer than the drain before it kills the server', () => {
    const grace = parseInt(app.stop_grace_period ?? '', 10);
    expect(app.stop_grace_period).toBe(`${grace}s`);
    const { drainDelayMs, drainTimeoutMs } = parseChatSettings(environment);
    expect(grace * 1000).toBeGreaterThanOrEqual((drainDelayMs ?? 0) + drainTimeoutMs + 20_000);
  });

  it('keeps the folders that the server writes to, and the databases, on volumes', () => {
    expect(app.volumes).toEqual(ownFolders.map((folder) => expect.stringMatching(`^\\w+:/app/${folder}$`)));
    const used = Object.values(compose.services).flatMap(({ volumes = [] }) =>
      volumes.map((volume) => volume.split(':')[0]),
    );
    expect(used.sort()).toEqual(Object.keys(compose.volumes).sort());
  });

  it('checks the health of the databases, and starts Redis only by its profile', () => {
    expect([postgres.healthcheck, redis.healthcheck]).not.toContain(undefined);
    expect([postgres.profiles, redis.profiles]).toEqual([undefined, ['redis']]);
  });
});

function withVariables<T>(variables: Readonly<Record<string, string>>, run: () => T): T {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  try {
    return run();
  } finally {
    process.env = before;
  }
}

/** Runs the health check of the image. @returns its exit code. */
async function healthOf(port: number): Promise<number | null> {
  const [, ...args] = checkHealth;
  const child = spawn(process.execPath, args, { env: { PORT: String(port) }, stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

/** Without Docker, the steps run in folders of their own, on the Node and the system of this machine. */
const isFull = process.env['FAULTS'] === 'full';
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

(isFull ? describe : describe.skip)('the steps of the Dockerfile, in an empty folder', () => {
  let folder: string;
  let server: ChildProcess | undefined;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'chat-image-'));
  });
  afterAll(() => {
    server?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  it('build a server that starts as a user without rights, is healthy, and drains', async () => {
    const context = path.join(folder, 'context');
    cpSync(root, context, {
      recursive: true,
      filter: (file) => file === root || !isIgnored(path.relative(root, file)),
    });
    const app = stages.reduce((_, stage) => build(stage, { context, folder }), '');
    expect(existsSync(path.join(app, 'node_modules/jest'))).toBe(false);

    const data = path.join(folder, 'data');
    mkdirSync(data);
    if (nobody.uid !== undefined) chownSync(data, nobody.uid, nobody.gid);
    chmodSync(folder, 0o755);
    const port = await freePort();
    const env = {
      PATH: process.env['PATH'],
      HOME: data,
      ENV_PATH: '/dev/null',
      ...Object.fromEntries(argsOf('ENV', [image]).map((args) => args.split('='))),
      ...Object.fromEntries(secretNames.map((name) => [name, `${name.toLowerCase()}-of-this-test`])),
      DIFY_API_URL: 'http://127.0.0.1:9/v1',
      DIFY_API_KEY: 'app-1',
      DATABASE_FILENAME: path.join(data, 'data.db'),
      PORT: String(port),
    };
    const options = { cwd: app, env, ...nobody };
    const output: string[] = [];
    server = spawn(process.execPath, start.slice(1), { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [server.stdout, server.stderr])
      stream?.on('data', (text) => output.push(String(text)));
    const closed = once(server, 'close');
    await until(async () => server?.exitCode !== null || (await healthOf(port)) === 0, 120_000);
    expect([server.exitCode, output.join('')]).toEqual([null, expect.stringContaining('Strapi started')]);
    expect((await fetch(`http://127.0.0.1:${port}/admin`)).status).toBe(200);

    const size = spawnSync('npm', ['run', 'history', '--', 'size'], { ...options, encoding: 'utf8' });
    expect([size.status, size.stdout]).toEqual([0, expect.stringContaining('conversation_histories')]);

    server.kill('SIGTERM');
    await closed;
    expect(server.exitCode).toBe(0);
  }, 1_800_000);
});

/** Runs the steps of a stage in a folder of its own. @returns the folder that stands for its last WORKDIR. */
function build(
  stage: Stage,
  { context, folder }: { readonly context: string; readonly folder: string },
): string {
  const base = (name: string | undefined) => path.join(folder, 'stages', name ?? 'image');
  let workdir = base(stage.name);
  const env: Record<string, string | undefined> = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  for (const { name, args } of stage.instructions) {
    if (name === 'WORKDIR') workdir = path.join(base(stage.name), args);
    mkdirSync(workdir, { recursive: true });
    if (name === 'ENV') Object.assign(env, Object.fromEntries([args.split('=')]));
    if (name === 'RUN') shell(toOwnUser(args), { cwd: workdir, env });
    if (name !== 'COPY') continue;
    const { from, sources, target } = parseCopy(args);
    for (const source of sources) {
      const file = from === undefined ? path.join(context, source) : path.join(base(from), source);
      // A folder is copied without its name.
      shell('if [ -d "$FROM" ]; then cp -a "$FROM/." "$TO"; else cp -a "$FROM" "$TO"; fi', {
        cwd: workdir,
        env: { ...env, FROM: file, TO: path.resolve(workdir, target) },
      });
    }
  }
  return workdir;
}

/** Replaces the user of the image, which this machine does not have. */
function toOwnUser(command: string): string {
  const { uid = process.getuid?.(), gid = process.getgid?.() } = nobody;
  return command.replaceAll('node:node', `${uid}:${gid}`);
}

function shell(command: string, options: { cwd: string; env: NodeJS.ProcessEnv }): void {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { ...options, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ended with ${status}:\n${stdout}\n${stderr}`);
}
