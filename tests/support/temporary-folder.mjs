import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import process from 'node:process';

const folder = '/dev/shm';
/** The databases, servers and generated projects of a whole run take less. */
const neededBytes = 4 * 1024 ** 3;

/**
 * Returns the folder for temporary files of the tests. Their databases are in memory where Linux has a file system for
 * it with enough room, because on a disk the tests mostly wait for it. `TMPDIR` chooses another folder.
 */
export function temporaryFolder() {
  return process.env['TMPDIR'] ?? (hasRoom() ? folder : tmpdir());
}

function hasRoom() {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= neededBytes;
  } catch {
    return false;
  }
}
