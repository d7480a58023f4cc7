import { readdirSync } from 'node:fs';
import path from 'node:path';

import { describeUpgrade } from '../../upgrade/describe-upgrade';
import { load } from '../../upgrade/dump';
import { createHistory, isThere, type TestHistory } from './support/servers';

const name = 'upgraded_history';
const password = encodeURIComponent(process.env['TEST_MARIADB_PASSWORD'] ?? '');
const address = `mysql://chat:${password}@127.0.0.1:${process.env['TEST_MARIADB_PORT']}/${name}`;
const releases = path.resolve(__dirname, '..', '..', 'upgrade', 'fixtures');

(isThere('mariadb') ? describe : describe.skip).each(readdirSync(releases))(
  'upgrade of release %s with a MariaDB history in daily partitions',
  (release) => {
    const folder = path.join(releases, release, 'mariadb');
    let history: TestHistory;
    afterAll(() => history.drop());

    describeUpgrade({
      folder,
      async openDatabases({ env }) {
        history = await createHistory('mariadb', name);
        await load(path.join(folder, 'main'), { kind: 'sqlite', address: env['DATABASE_FILENAME'] ?? '' });
        await load(path.join(folder, 'history'), { kind: 'mariadb', address });
      },
      historyEnv: () => ({ MES_SQL_DSN: history.dsn, MES_DAILY_PARTITION: 'true' }),
    });
  },
);
