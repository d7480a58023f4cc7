import { open, stat, statfs, type FileHandle } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { isDatabaseFull } from '../../database/sql/errors';

/** The reasons why this process should get no new questions. Clients of `GET /api/chat/ready` see them. */
export type ResourceProblem = 'missing-database-file' | 'disk-full' | 'too-many-open-files';

/** Looks for one problem. @returns it, or null. */
export type Check = () => Promise<ResourceProblem | null>;

/** A turn needs two: one for its client and one for Dify. The rest is for the load balancer, which asks for the reason. */
const spareDescriptors = 8;

/**
 * Opens some files, because the system does not tell how many descriptors are left. Opens one after the other, and
 * stops at the first failure, so that others do not lack the last ones.
 */
export const checkDescriptors: Check = async () => {
  const opened: FileHandle[] = [];
  try {
    while (opened.length < spareDescriptors) opened.push(await open(os.devNull));
    return null;
  } catch (error) {
    if (/^E[MN]FILE$/u.test(codeOf(error))) return 'too-many-open-files';
    throw error;
  } finally {
    await Promise.all(opened.map((file) => file.close()));
  }
};

/**
 * Creates a check of whether the path still names the file that SQLite has opened. SQLite does not notice that: it
 * writes to the deleted file, and all of it is lost at the end of the process. The check must not open the file:
 * closing it would release SQLite's own locks.
 */
export async function createFileCheck(filename: string): Promise<Check> {
  const opened = await stat(filename);
  return async () => {
    const found = await stat(filename).catch(ignoreMissing);
    return found?.ino === opened.ino && found.dev === opened.dev ? null : 'missing-database-file';
  };
}

/** Creates a check of the disk of a file. SQLite needs some pages even to delete something. */
export function createDiskCheck(filename: string, minFreeBytes = 1_048_576): Check {
  return async () => {
    const { bavail, bsize } = await statfs(path.dirname(filename));
    return bavail * bsize < minFreeBytes ? 'disk-full' : null;
  };
}

export interface WriteCheck {
  /** Reports an error of any statement of the database. */
  failed(error: unknown): void;
  readonly check: Check;
}

/**
 * Creates a check that begins when a statement fails because the database has no space. From then on, it calls `write`
 * each time, until that works. A disk with space can be full for the database: a quota, or the disk of PostgreSQL.
 */
export function createWriteCheck(write: () => Promise<unknown>): WriteCheck {
  let isFull = false;
  return {
    failed(error) {
      if (isDatabaseFull(error)) isFull = true;
    },
    async check() {
      if (!isFull) return null;
      // Any other error, e.g. of a busy database, does not say that there is space again.
      isFull = await write().then(
        () => false,
        () => true,
      );
      return isFull ? 'disk-full' : null;
    },
  };
}

/** @throws the error unless it says that the file does not exist. */
function ignoreMissing(error: unknown): null {
  if (/^(ENOENT|ENOTDIR)$/u.test(codeOf(error))) return null;
  throw error;
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException | null)?.code);
}
