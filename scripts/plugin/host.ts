import { existsSync } from 'node:fs';
import path from 'node:path';

import { createStrapi } from '@strapi/strapi';
import { env, importDefault } from '@strapi/utils';

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
  const distDir = isTypeScript ? path.join(folder, 'dist') : folder;
  const { config, log } = createStrapi({ appDir: folder, distDir });
  log.silent = true;
  const [secret = ''] = config.get<string[]>('server.app.keys', []);
  const forEnvironment = path.join('env', process.env['NODE_ENV'] ?? 'development');
  const given = ['', forEnvironment].map((name) =>
    readConfig(path.join(distDir, 'config', name, 'plugins.js')),
  );
  return {
    folder,
    variables: toVariables(Object.assign(readEnvironment(env), ...given) as Record<string, unknown>),
    database: config.get('database.connection') as MainDatabase,
    secret,
  };
}

type Plugins = Readonly<Record<string, { readonly config?: Readonly<Record<string, unknown>> } | undefined>>;

/** Returns the plugin's part of a file of plugins. Strapi reads such a file only when it loads the plugins. */
function readConfig(file: string): Readonly<Record<string, unknown>> {
  if (!existsSync(file)) return {};
  const exported = importDefault(file) as Plugins | ((options: { env: typeof env }) => Plugins);
  const plugins = typeof exported === 'function' ? exported({ env }) : exported;
  return plugins[pluginName]?.config ?? {};
}
