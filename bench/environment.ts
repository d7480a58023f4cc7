import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { startRedis } from '../tests/support/start-redis';
import { createLoadClient, type LoadClient } from './load/client';
import type { Options } from './options';
import { installPeers } from './peers/install';
import { createDatabases, type Databases } from './support/database';
import { startScript } from './support/processes';
import { createDirect, createHttpProxy, createNginx, createPipe, createPortkey } from './targets/relays';
import { buildRevision, type Revision } from './targets/revision';
import { createStrapiTarget } from './targets/strapi';
import type { Target } from './targets/target';

/** Functions that end what was started, in the order of the starts. They run in reverse order. */
export type Closers = (() => Promise<unknown>)[];

/** The processes that every measure needs. */
export interface Environment {
  readonly workFolder: string;
  readonly upstreamPort: number;
  readonly client: LoadClient;
  readonly databases: Databases;
}

export async function createEnvironment(closers: Closers): Promise<Environment> {
  const workFolder = mkdtempSync(path.join(tmpdir(), 'chat-bench-'));
  process.on('exit', () => rmSync(workFolder, { recursive: true, force: true }));
  const databases = createDatabases(workFolder);
  closers.push(() => databases.stop());
  const start = async (name: string, script: string) => {
    const child = await startScript({ script, logFile: path.join(workFolder, `${name}.log`) });
    closers.push(() => child.stop());
    return child;
  };
  const upstream = await start('upstream', 'bench/upstream/main.ts');
  const client = createLoadClient(await start('load', 'bench/load/main.ts'));
  return { workFolder, upstreamPort: upstream.port, client, databases };
}

export interface Targets {
  readonly targets: readonly Target[];
  /** Peers that could not be started, and the reasons. */
  readonly missing: Readonly<Record<string, string>>;
}

const users = 20;
const ofNpm = ['http-proxy', 'portkey'];

/** Starts all targets: the direct way to the upstream, the relays, and the applications on each database. */
export async function createTargets(
  { databases, upstreamPort, workFolder }: Environment,
  { databases: kinds, quick, against, redis }: Options,
  closers: Closers,
): Promise<Targets> {
  const targets: Target[] = [];
  const missing: Record<string, string> = {};
  const add = async (name: string, create: () => Promise<Target | null>, whyNot = '') => {
    const target = await create().catch((error: unknown) => {
      whyNot = String(error);
      return null;
    });
    if (target === null) missing[name] = whyNot;
    else {
      targets.push(target);
      closers.push(() => target.stop());
    }
  };
  const options = { upstreamPort, workFolder };
  targets.push(createDirect(options));
  await add('nginx', () => createNginx(options), 'it is not installed (apt-get install nginx)');
  await add('pipe', () => createPipe(options));
  const peers = quick || against !== null ? null : installPeers();
  if (peers === null) for (const name of ofNpm) missing[name] = 'not with --quick or --against';
  else if ('missing' in peers) for (const name of ofNpm) missing[name] = peers.missing;
  else {
    await add('http-proxy', () => createHttpProxy(options, peers.folder));
    await add('portkey', () => createPortkey(options, peers.folder));
  }

  const server = redis ? await startRedis() : null;
  if (server !== null) closers.push(() => server.close());
  const before = against === null ? null : buildRevision(against);
  const peer = before === null ? ({ application: 'stock' } as const) : toTarget(before);
  const applications = kinds.flatMap((kind) =>
    [peer, { application: 'ours' } as const].map((application) => ({ kind, ...application })),
  );
  const strapis = applications.map(async ({ kind, application, ...where }) => {
    const database = await databases.create(kind);
    const target = await createStrapiTarget({
      ...options,
      name: `${application}/${kind}`,
      application,
      ...where,
      database,
      redisUrl: server?.url,
      users,
    });
    closers.push(() => target.stop());
    return target;
  });
  targets.push(...(await Promise.all(strapis)));
  return { targets, missing };
}

function toTarget({ folder }: Revision) {
  return { application: 'before', folder } as const;
}
