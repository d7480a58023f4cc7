import path from 'node:path';

import { env } from '@strapi/utils';

import readConfig from '../../config/history';
import {
  HistoryProblem,
  parseHistoryStoreSettings,
  type HistoryMaintenance,
  type HistoryStore,
} from '../../src/chat';
import { openHistoryStore } from '../../src/history-store/open';
import { envFile, readEnvFile } from '../env-file';
import { HistoryCommandError } from './screen';

const root = path.resolve(__dirname, '..', '..');

/** The same store as the application's: by the same variables, of the environment first and then of `.env`. */
export function openStore(): HistoryStore & HistoryMaintenance {
  process.env = { ...readEnvFile(path.resolve(root, envFile)), ...process.env };
  // The configuration is written for where it is compiled to, one folder further down.
  process.env['DATABASE_FILENAME'] = path.resolve(root, process.env['DATABASE_FILENAME'] || '.tmp/data.db');
  const settings = parseHistoryStoreSettings({ ...readConfig({ env }), folder: root });
  if (settings instanceof HistoryProblem) throw new HistoryCommandError(settings.message);
  return openHistoryStore(settings);
}
