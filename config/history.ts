import path from 'node:path';

import type { Core } from '@strapi/strapi';

import { valuesOf } from '../src/env/variables';
import { historyStoreSettingNames } from '../src/history/settings';
import readDatabase from './database';

/** The variables of the history's settings, unchecked: `src/history/settings.ts` has their defaults and meaning. */
const config = (params: Core.Config.Shared.ConfigParams) => {
  const { env } = params;
  return {
    ...valuesOf(env, historyStoreSettingNames),
    folder: path.resolve(__dirname, '..', '..'),
    mainDatabase: readDatabase(params).connection,
  };
};

export default config;
