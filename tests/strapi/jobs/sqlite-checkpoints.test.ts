import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import type { Core } from '@strapi/strapi';
import Database from 'better-sqlite3';

import type * as source from '../../../src/strapi/jobs/sqlite-checkpoints';

/** The compiled module, because a worker thread cannot load TypeScript. `npm test` compiles it first. */
const compiled = path.resolve(__dirname, '../../../dist/src/strapi/jobs/sqlite-checkpoints.js');
// eslint-disable-next-line @typescript-eslint/no-require-imports -- its types are those of the source
const { startSqliteCheckpoints } = require(compiled) as typeof source;

let folder: string;
let filename: string;
let ours: Database.Database;
let warnings: string[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chat-checkpoints-'));
  filename = path.join(folder, 'data.db');
  warnings = [];
  ours = new Database(filename);
  ours.pragma('journal_mode = WAL');
  ours.exec('create table things (name text)');
});
afterEach(async () => {
  ours.close();
  await rm(folder, { recursive: true });
});

const start = (client: string, file = filename) =>
  startSqliteCheckpoints({
    db: { dialect: { client } },
    config: { get: () => file },
    log: { warn: (message: string) => warnings.push(message) },
  } as unknown as Core.Strapi);

/** Writes more than 1000 pages, the minimum at which the thread moves the log. */
const makeMuch = 'insert into things values (zeroblob(5000000))';

/** Reads the names from the database file alone, without its log. */
async function namesWithoutLog(): Promise<unknown[]> {
  const copy = path.join(folder, 'copy.db');
  await copyFile(filename, copy);
  const database = new Database(copy);
  try {
    return database.prepare('select name from things').pluck().all();
  } catch {
    return [];
  } finally {
    database.close();
  }
}

async function untilMoved(name: string): Promise<void> {
  while (!(await namesWithoutLog()).includes(name)) await pause(20);
}

describe('startSqliteCheckpoints', () => {
  it('moves committed rows from the log into the database file, repeatedly', async () => {
    const checkpoints = start('sqlite');
    for (const name of ['first', 'second']) {
      ours.prepare('insert into things values (?)').run(name);
      expect(await namesWithoutLog()).not.toContain(name);
      ours.exec(makeMuch);
      await untilMoved(name);
    }
    await checkpoints?.stop();
    expect(warnings).toEqual([]);
  });

  it('does not wait for an open write transaction', async () => {
    const checkpoints = start('sqlite');
    const other = new Database(filename);
    other.exec(`insert into things values ('committed'); ${makeMuch}`);
    other.exec("begin immediate; insert into things values ('open')");
    await untilMoved('committed');
    expect(await namesWithoutLog()).not.toContain('open');
    other.exec('commit');
    other.close();
    await checkpoints?.stop();
  });

  it('releases the database when it stops, so that the last close leaves one file', async () => {
    const checkpoints = start('sqlite');
    ours.exec("insert into things values ('last')");
    await checkpoints?.stop();
    ours.close();
    expect(await readdir(folder)).toEqual(['data.db']);
    expect(await namesWithoutLog()).toEqual(['last']);
  });

  it('logs a warning if its thread ends, and ends nothing else', async () => {
    const checkpoints = start('sqlite', path.join(folder, 'missing.db'));
    await checkpoints?.stop();
    expect(warnings).toEqual([expect.stringMatching(/^The thread of SQLite's checkpoints has ended: \S/u)]);
    expect(warnings.join()).not.toContain(folder);
  });

  it('does nothing on PostgreSQL', () => {
    expect(start('postgres')).toBeUndefined();
  });
});
