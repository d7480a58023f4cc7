import path from 'node:path';
import { env } from '@strapi/utils';

import readConfig from '../../config/history';
import { HistoryProblem, parseHistoryStoreSettings } from '../../src/history';
import { dsn } from '../../src/history/settings';
import { envFile, readEnvFile } from '../env-file';
import type { MainDatabase } from '../main-database';
import type { Places } from './command';
import { HistoryCommandError } from './screen';

const root = path.resolve(__dirname, '..', '..');

/**
 * Returns where the history and the users of the application are. The environment overrides the variables of `.env`.
 * @throws HistoryCommandError
 */
export function readPlaces(): Places {
  const given = { ...readSettings(), folder: root };
  const store = parseHistoryStoreSettings(given);
  if (store instanceof HistoryProblem) throw new HistoryCommandError(store.message);
  return { store, mainDatabase: given.mainDatabase as MainDatabase };
}

function readSettings() {
  const variables = { ...readEnvFile(path.resolve(root, envFile)), ...process.env };
  process.env = withAbsoluteFiles(variables, root);
  return readConfig({ env });
}

/**
 * Makes the file name of the main database absolute, relative to `folder`. The configuration would resolve it relative
 * to the compiled files, which are one folder deeper.
 */
export function withAbsoluteFiles(variables: NodeJS.ProcessEnv, folder: string): NodeJS.ProcessEnv {
  const { SQL_DSN: address, DATABASE_FILENAME: filename } = variables;
  const main = dsn.safeParse(address?.trim()).data;
  return {
    ...variables,
    ...(main?.kind === 'sqlite' ? { SQL_DSN: `file:${path.resolve(folder, main.filename)}` } : {}),
    DATABASE_FILENAME: path.resolve(folder, filename?.trim() || '.tmp/data.db'),
  };
}
