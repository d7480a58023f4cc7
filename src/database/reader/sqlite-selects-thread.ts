import os from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';

import Database from 'better-sqlite3';

import { serve } from '../../threads/server';
import { cacheStatements } from '../sql/sqlite-statement-cache';
import { addSqliteFunctions } from './sqlite-functions';

interface Data {
  readonly filename: string;
  readonly interrupt: Int32Array;
}

class Interrupted extends Error {
  readonly code = 'interrupted';
}

/** A niceness, see `nice`. Process id 0 names only this thread on Linux, but the whole process on other systems. */
const lowerPriority = 10;
if (process.platform === 'linux') os.setPriority(0, lowerPriority);

const { filename, interrupt } = workerData as Data;
const database = new Database(filename, { readonly: true, fileMustExist: true });
database.pragma('busy_timeout = 5000');
addSqliteFunctions(database);
// SQLite calls this for each row. Throwing ends the select, because the driver has no other way to interrupt it.
database.function('goes_on', { deterministic: false }, (_row: unknown) => {
  if (Atomics.load(interrupt, 0) !== 0) throw new Interrupted();
  return 1;
});
cacheStatements(database);

if (parentPort !== null) {
  serve(parentPort, {
    run: ({ args: [sql, bindings] }) => database.prepare(sql as string).all(bindings),
    toCode: (error) => (error as { readonly code?: string }).code ?? 'unknown',
    close: () => void database.close(),
  });
}
