import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';

import type { Core } from '@strapi/strapi';

const touchEveryMs = 60 * 60_000;
/** A folder that nobody has touched for this long belongs to a dead process, even one on another host. */
const abandonedAfterMs = 24 * touchEveryMs;

export interface TemporaryFolder {
  remove(): Promise<void>;
}

/**
 * Gives a process that serves requests a temporary folder of its own. After the server listens, `os.tmpdir()` is this
 * folder, also for Strapi's plugins. It then removes the folders of dead processes. Commands such as `strapi export`
 * load the application next to a running server, and do neither.
 */
export function useOwnTemporaryFolder(strapi: Core.Strapi): TemporaryFolder {
  const parent = tmpdir();
  const own = path.join(parent, nameFor(process.pid));
  let touching: NodeJS.Timeout | undefined;

  strapi.server.httpServer.once('listening', () => {
    for (const name of ['TMPDIR', 'TEMP', 'TMP']) process.env[name] = own;
    // This also shows the system's cleaner of temporary files that the folder is in use.
    touching = setInterval(() => void touch(own), touchEveryMs).unref();
    void touch(own);
    void removeAbandoned(parent, own);
  });
  return {
    async remove() {
      if (touching === undefined) return;
      clearInterval(touching);
      await rm(own, { recursive: true, force: true });
    },
  };
}

/** Returns the temporary folder of this process. Creates it again if somebody removed it. */
export async function openTemporaryFolder(): Promise<string> {
  const folder = tmpdir();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

async function touch(folder: string): Promise<void> {
  const now = new Date();
  await mkdir(folder, { recursive: true, mode: 0o700 })
    .then(() => utimes(folder, now, now))
    .catch(() => undefined);
}

/**
 * Removes the temporary folders in `parent` whose process is dead, except `own`. Skips folders that it cannot remove.
 */
export async function removeAbandoned(parent: string, own: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  for (const name of names) {
    const folder = path.join(parent, name);
    if (folder === own || !(await isAbandoned(folder))) continue;
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

const host = hostname().replace(/[^\w.-]/gu, '_');

export const nameFor = (pid: number, ofHost = host) => `character-chat-tmp-${ofHost}-${pid}-${Date.now()}`;

async function isAbandoned(folder: string): Promise<boolean> {
  const [, ofHost, pid] = /^character-chat-tmp-(.+)-(\d+)-\d+$/u.exec(path.basename(folder)) ?? [];
  if (pid === undefined) return false;
  // A container that starts again has the same host name and process id as before.
  if (ofHost === host && (Number(pid) === process.pid || !isAlive(Number(pid)))) return true;
  const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Infinity }));
  return Date.now() - mtimeMs > abandonedAfterMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // The process belongs to another user, and is alive.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
