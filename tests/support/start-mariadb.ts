import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

import { freePort } from './free-port';

/** Contains the characters that a database URL must escape. */
const password = 'p@ss:w/rd?#%';

/**
 * Starts a real MariaDB for the test run, in its own folder. Workers find it by `TEST_MARIADB_PORT`. A missing mariadbd
 * is no failure.
 */
export default async function startMariadb(): Promise<void> {
  const server = find('mariadbd');
  const install = find('mariadb-install-db');
  if (server === null || install === null) {
    process.stderr.write(
      '\n### mariadbd is not installed: the tests of the history on MariaDB are SKIPPED. ###\n\n',
    );
    return;
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'chat-mariadb-'));
  const data = path.join(folder, 'data');
  const port = await freePort();
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
  await promisify(execFile)(install, [
    '--no-defaults',
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    ...asRoot,
  ]);
  const init = path.join(folder, 'init.sql');
  await writeFile(
    init,
    `create user chat@'%' identified by '${password}';\ngrant all on *.* to chat@'%' with grant option;\n`,
  );
  const child = spawn(
    server,
    [
      '--no-defaults',
      `--datadir=${data}`,
      // A server deletes temporary tables when it starts, also those of another server in the same folder.
      `--tmpdir=${folder}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${path.join(folder, 'socket')}`,
      `--pid-file=${path.join(folder, 'pid')}`,
      `--init-file=${init}`,
      // The tests end processes, not the machine. To wait for the disk would protect nothing.
      '--innodb-flush-log-at-trx-commit=0',
      '--innodb-flush-method=nosync',
      '--innodb-doublewrite=0',
      '--sync-frm=0',
      '--innodb-buffer-pool-size=64M',
      // Otherwise MariaDB checks grants by name, which needs a lookup of 127.0.0.1.
      '--skip-name-resolve',
      ...asRoot,
    ],
    { stdio: 'ignore' },
  );
  await accepts(port, child);
  process.env['TEST_MARIADB_PORT'] = String(port);
  process.env['TEST_MARIADB_PASSWORD'] = password;
  Object.assign(globalThis, {
    async stopMariadb() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  });
}

function find(program: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => path.join(folder, program)).find((file) => existsSync(file)) ?? null;
}

async function accepts(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      // MariaDB sends the first bytes when it is ready for logins.
      socket.once('data', () => resolve(true)).once('error', () => resolve(false));
      socket.once('close', () => resolve(false)).setTimeout(1_000, () => socket.destroy());
    });
    if (isOpen) return;
    await pause(50);
  }
  throw new Error(`mariadbd ended with ${child.exitCode}.`);
}
