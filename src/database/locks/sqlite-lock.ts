import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import path from 'node:path';

import Sqlite from 'better-sqlite3';

import { describeError, type Log } from '../../chat';
import { leasesDecide, type HolderState, type ProcessLock } from './process-lock';

export interface SqliteLockOptions {
  /** The file of the main database. */
  readonly filename: string;
  readonly log: Pick<Log, 'warn'>;
}

/** Another process can remove the new file only between its creation and its lock, so a few tries are enough. */
const maxTries = 5;
/** Names come from the database and become file names, so they must be UUIDs. */
const isHolder = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u;

/**
 * Creates a process lock: a small SQLite file for each process, in a folder beside the database.
 * The process keeps a transaction open on its file, so the operating system locks the file.
 * It unlocks the file when the process ends. Node has no other way to lock a file.
 */
export function createSqliteLock({ filename, log }: SqliteLockOptions): ProcessLock {
  let own: { readonly holder: string; readonly file: Sqlite.Database } | null = null;
  const folder = () => `${realpathSync(filename)}-processes`;
  const fileOf = (holder: string) => path.join(folder(), holder);

  return {
    async take() {
      try {
        mkdirSync(folder(), { recursive: true });
        for (let tries = 0; own === null && tries < maxTries; tries += 1) own = lockNewFile();
        if (own === null) throw new Error('Another process removed the lock file each time.');
      } catch (error) {
        log.warn(`No lock can be held beside the database: ${describeError(error)}. ${leasesDecide}`);
      }
    },
    holder: () => own?.holder ?? null,
    async inspect(holders) {
      return new Map(holders.map((holder) => [holder, stateOf(holder)]));
    },
    async tidy(findNamed) {
      if (own === null) return;
      // A dead process begins no more turns. So names that are read after this check cannot be out of date.
      const dead = readdirSync(folder()).filter((name) => stateOf(name) === 'dead');
      if (dead.length === 0) return;
      const named = new Set(await findNamed());
      for (const name of dead) if (!named.has(name)) remove(fileOf(name));
    },
    async release() {
      if (own === null) return;
      const { holder, file } = own;
      own = null;
      rmSync(fileOf(holder), { force: true });
      file.close();
    },
  };

  function lockNewFile(): typeof own {
    const holder = randomUUID();
    const file = new Sqlite(fileOf(holder), { timeout: 0 });
    try {
      // Nothing is ever written, so no journal file is needed.
      file.pragma('journal_mode = memory');
      file.exec('begin exclusive');
      if (existsSync(fileOf(holder))) return { holder, file };
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
    file.close();
    return null;
  }

  function stateOf(holder: string): HolderState {
    if (holder === own?.holder) return 'living';
    if (!isHolder.test(holder)) return 'unknown';
    // A read lock is compatible with other readers, but not with the holder's exclusive lock.
    return tryOn(fileOf(holder), (file) => file.pragma('schema_version'));
  }
}

/** Removes a lock file. If its process is starting and has not locked it yet, that process creates another file. */
function remove(file: string): void {
  tryOn(file, (database) => {
    database.pragma('journal_mode = memory');
    database.exec('begin exclusive');
    rmSync(file, { force: true });
  });
}

/** Runs `use` on a lock file. @returns `unknown` if the file does not exist any more. */
function tryOn(file: string, use: (database: Sqlite.Database) => unknown): HolderState {
  let database: Sqlite.Database | undefined;
  try {
    database = new Sqlite(file, { fileMustExist: true, timeout: 0 });
    use(database);
    return 'dead';
  } catch (error) {
    return isBusy(error) ? 'living' : 'unknown';
  } finally {
    database?.close();
  }
}

function isBusy(error: unknown): boolean {
  return String((error as { readonly code?: unknown }).code).startsWith('SQLITE_BUSY');
}
