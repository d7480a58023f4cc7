import path from 'node:path';

import { env } from '@strapi/utils';

import readConfig from '../../config/history';
import {
  HistoryProblem,
  parseHistoryStoreSettings,
  type HistoryMaintenance,
  type HistoryStore,
} from '../../src/chat';
import { dsn } from '../../src/chat/history/settings';
import { openHistoryStore } from '../../src/history-store/open';
import { envFile, readEnvFile } from '../env-file';
import { HistoryCommandError } from './screen';

const root = path.resolve(__dirname, '..', '..');

/** The same store as the application's: by the same variables, of the environment first and then of `.env`. */
export function openStore(): HistoryStore & HistoryMaintenance {
  const variables = { ...readEnvFile(path.resolve(root, envFile)), ...process.env };
  process.env = withAbsoluteFiles(variables, root);
  const settings = parseHistoryStoreSettings({ ...readConfig({ env }), folder: root });
  if (settings instanceof HistoryProblem) throw new HistoryCommandError(settings.message);
  return openHistoryStore(settings);
}

/**
 * These variables, with the file of the main database from that folder on. The configuration is written for where it is
 * compiled to, one folder further down, and would look for it elsewhere.
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
