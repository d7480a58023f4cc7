import { existsSync } from 'node:fs';
import path from 'node:path';

import { createStrapi } from '@strapi/strapi';
import { env } from '@strapi/utils';

import { pluginName, readEnvironment, toVariables } from '../../src/plugin/settings';
import type { MainDatabase } from '../main-database';

/** The project in the current folder, in which the plugin is installed. */
export interface Host {
  readonly folder: string;
  /** The unchecked variables of the plugin. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly database: MainDatabase;
  /** The first of its `app.keys`. */
  readonly secret: string;
}

/** Reads the configuration of the host, from the environment and `.env`. It starts nothing. */
export function readHost(): Host {
  const folder = process.cwd();
  const isTypeScript = existsSync(path.join(folder, 'tsconfig.json'));
  const { config, log } = createStrapi({
    appDir: folder,
    distDir: isTypeScript ? path.join(folder, 'dist') : folder,
  });
  log.silent = true;
  const [secret = ''] = config.get<string[]>('server.app.keys', []);
  const given = config.get<Record<string, unknown>>(`plugins.${pluginName}.config`, {});
  return {
    folder,
    variables: toVariables({ ...readEnvironment(env), ...given }),
    database: config.get('database.connection') as MainDatabase,
    secret,
  };
}
