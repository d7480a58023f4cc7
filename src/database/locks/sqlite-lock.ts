import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import path from 'node:path';

import Sqlite from 'better-sqlite3';

import { describeError, type Log } from '../../chat';
import { leasesDecide, type HolderState, type ProcessLock } from './process-lock';

export interface SqliteLockOptions {
  /** Of the main database. */
  readonly filename: string;
  readonly log: Pick<Log, 'warn'>;
}

/** It can only be removed by another process in the moment between making and locking it. */
const maxTries = 5;
/** Names come from the database, and become names of files. */
const isHolder = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u;

/**
 * A small SQLite file for each process in a folder beside the database. The process keeps a transaction open on it, so the
 * operating system locks the file, and unlocks it when the process is gone. Node has no other way to lock a file.
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
        if (own === null) throw new Error('Its file is removed each time.');
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
      // A dead process names itself on no further turn, so what is asked afterwards cannot be out of date.
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
      // Nothing is ever written: it needs no second file.
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
    // Reading shares the lock with others who ask, but not with who holds it.
    return tryOn(fileOf(holder), (file) => file.pragma('schema_version'));
  }
}

/** A process that is just starting has made its file and not yet locked it: it then notices and makes another. */
function remove(file: string): void {
  tryOn(file, (database) => {
    database.pragma('journal_mode = memory');
    database.exec('begin exclusive');
    rmSync(file, { force: true });
  });
}

/** Where the file is gone, somebody removed it, and nothing is known. */
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
