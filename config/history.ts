import path from 'node:path';

import type { Core } from '@strapi/strapi';

import readDatabase from './database';

/** What the environment says of the history, unchecked: `src/history/settings.ts` knows defaults and meaning. */
const config = (params: Core.Config.Shared.ConfigParams) => {
  const { env } = params;
  return {
    MES_SQL_DSN: env('MES_SQL_DSN'),
    MES_DAILY_PARTITION: env('MES_DAILY_PARTITION'),
    SQL_MAX_IDLE_CONNS: env('SQL_MAX_IDLE_CONNS'),
    SQL_MAX_OPEN_CONNS: env('SQL_MAX_OPEN_CONNS'),
    SQL_MAX_LIFETIME: env('SQL_MAX_LIFETIME'),
    folder: path.resolve(__dirname, '..', '..'),
    mainDatabase: readDatabase(params).connection,
  };
};

export default config;
