/** Makes databases of this revision, which later revisions must open. See README.md in this folder. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import type { App } from '../support/app';
import { createClient } from '../support/client';
import { dump, type Place } from './dump';
import { fill, killInTheMiddle } from './fill';
import { secrets, type Fixture } from './fixture';
import { observe, type Observed } from './observe';

async function main(kind: string, folder: string): Promise<void> {
  // Jest projects set the same global variable.
  Object.assign(globalThis, { database: kind === 'postgres' ? 'postgres' : 'sqlite' });
  const { startApp } = await import('../support/app');
  const historyUrl = kind === 'mariadb' ? process.env['TEST_MARIADB_URL'] : undefined;
  const app = await startApp({ env: { ...secrets, ...(historyUrl && inMariadb(historyUrl)) } });
  const people = await fill(app);
  const day = new Date().toISOString().slice(0, 10);
  const observed: Record<string, Observed> = {};
  for (const user of people.users)
    observed[user.username] = await observe(createClient(app.url, user.jwt, user), day);
  const pending = await killInTheMiddle(app);
  const fixture: Fixture = { ...people, day, observed, pending, rows: await countRows(app) };
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'fixture.json.gz'), gzipSync(JSON.stringify(fixture), { level: 9 }));
  for (const [name, place] of Object.entries(placesOf(app, historyUrl))) dump(place, path.join(folder, name));
  await app.stop();
}

/** Returns the settings for a history in MariaDB. SQLite and PostgreSQL use the default place of the history. */
function inMariadb(historyUrl: string) {
  const { username, password, host, pathname } = new URL(historyUrl);
  const dsn = `${username}:${decodeURIComponent(password)}@tcp(${host})${pathname}?charset=utf8mb4`;
  return { MES_SQL_DSN: dsn, MES_DAILY_PARTITION: 'true' };
}

function placesOf({ database }: App, historyUrl: string | undefined): Readonly<Record<string, Place>> {
  const { DATABASE_FILENAME: filename, DATABASE_URL: url } = database.env;
  if (filename === undefined) return { main: { kind: 'postgres', address: url ?? '' } };
  const history: Place =
    historyUrl === undefined
      ? { kind: 'sqlite', address: filename.replace(/\.db$/u, '.history.db') }
      : { kind: 'mariadb', address: historyUrl };
  return { main: { kind: 'sqlite', address: filename }, history };
}

async function countRows({ db }: App): Promise<Readonly<Record<string, number>>> {
  const rows: Record<string, number> = {};
  for (const table of [
    'up_users',
    'ai_characters',
    'chat_sessions',
    'chat_conversations',
    'admin_users',
    'files',
  ]) {
    const [row] = await db(table).count({ count: '*' });
    rows[table] = Number(row?.['count']);
  }
  return rows;
}

const [, , kind, folder] = process.argv;
if (kind === undefined || folder === undefined) throw new Error('Usage: make-fixture.ts KIND FOLDER');
void main(kind, folder);
