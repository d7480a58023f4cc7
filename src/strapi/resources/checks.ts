import { open, stat, statfs, type FileHandle } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/** The reasons why this process should get no new questions. Clients of `GET /api/chat/ready` see them. */
export type ResourceProblem = 'missing-database-file' | 'disk-full' | 'too-many-open-files';

/** Looks for one problem. @returns it, or null. */
export type Check = () => Promise<ResourceProblem | null>;

/** A turn needs two: one for its client and one for Dify. The rest is for the load balancer, which asks for the reason. */
const spareDescriptors = 8;

/** Opens some files at the same time, because the system does not tell how many descriptors are left. */
export const checkDescriptors: Check = async () => {
  const opened = await Promise.allSettled(Array.from({ length: spareDescriptors }, () => open(os.devNull)));
  await Promise.all(opened.filter(isFulfilled).map(({ value }) => value.close()));
  const hasTooFew = opened.some(
    (result) => result.status === 'rejected' && /^E[MN]FILE$/u.test(codeOf(result.reason)),
  );
  return hasTooFew ? 'too-many-open-files' : null;
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

function isFulfilled(result: PromiseSettledResult<FileHandle>): result is PromiseFulfilledResult<FileHandle> {
  return result.status === 'fulfilled';
}

/** @throws the error unless it says that the file does not exist. */
function ignoreMissing(error: unknown): null {
  if (/^(ENOENT|ENOTDIR)$/u.test(codeOf(error))) return null;
  throw error;
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException | null)?.code);
}
