import { readdirSync } from 'node:fs';
import path from 'node:path';

import { database, type TestDatabase } from '../support/database';
import { describeUpgrade } from './describe-upgrade';
import { load } from './dump';

const releases = path.join(__dirname, 'fixtures');

describe.each(readdirSync(releases))('upgrade of release %s', (release) => {
  const folder = path.join(releases, release, database);
  describeUpgrade({ folder, openDatabases: (into) => openDatabases(folder, into) });
});

/** Fills the databases. The history is in its default place: a second SQLite file, or the PostgreSQL database. */
async function openDatabases(folder: string, { env }: TestDatabase): Promise<void> {
  const main = path.join(folder, 'main');
  if (database === 'postgres') {
    await load(main, { kind: 'postgres', address: env['DATABASE_URL'] ?? '' });
  } else {
    const address = env['DATABASE_FILENAME'] ?? '';
    await load(main, { kind: 'sqlite', address });
    await load(path.join(folder, 'history'), {
      kind: 'sqlite',
      address: address.replace(/\.db$/u, '.history.db'),
    });
  }
}
