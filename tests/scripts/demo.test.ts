import path from 'node:path';

import { env as strapiEnv } from '@strapi/utils';

import readDatabase from '../../config/database';
import readHistory from '../../config/history';
import { toStrapiVariables } from '../../scripts/demo/strapi-variables';
import { parseHistoryStoreSettings } from '../../src/history/settings';

const folder = path.resolve('/tmp/of-the-demo');

/** Returns where the demo keeps its data when the user has these settings. */
function placesFor(settings: Readonly<Record<string, string>>) {
  const before = { ...process.env };
  for (const name of Object.keys(process.env)) {
    if (/^(DATABASE|SQL|MES)_/u.test(name)) delete process.env[name];
  }
  Object.assign(process.env, settings, toStrapiVariables({ host: '127.0.0.1', port: 1337, folder }));
  try {
    const params = { env: strapiEnv } as never;
    const history = parseHistoryStoreSettings(readHistory(params));
    return {
      database: readDatabase(params).connection,
      history: 'address' in history ? history.address : history,
    };
  } finally {
    process.env = before;
  }
}

describe('npm run demo', () => {
  it.each([
    ['no database', {}],
    ['the URL of the main database', { SQL_DSN: 'postgres://user:password@host:5432/name' }],
    ['a PostgreSQL database', { DATABASE_CLIENT: 'postgres', DATABASE_URL: 'postgres://host/name' }],
    ['the DSN of the history', { MES_SQL_DSN: 'user:password@tcp(host:3306)/name' }],
    ['a file for each database', { SQL_DSN: '/srv/data.db', MES_SQL_DSN: '/srv/history.db' }],
  ])('keeps all data in its own folder even if the settings name %s', (_what, settings) => {
    expect(placesFor(settings)).toMatchObject({
      database: { client: 'sqlite', connection: { filename: path.join(folder, 'demo.db') } },
      history: { kind: 'sqlite', filename: path.join(folder, 'demo.history.db') },
    });
  });
});
