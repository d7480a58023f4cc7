import path from 'node:path';

import type { Variables } from '../env-file';

export interface DemoPlace {
  readonly host: string;
  readonly port: number;
  readonly folder: string;
}

/**
 * Returns variables that override the user's settings. The demo creates accounts and characters, so it must not use a
 * database of the user. The environment overrides `.env`, even with an empty value.
 */
export function toStrapiVariables({ host, port, folder }: DemoPlace): Variables {
  return {
    NODE_ENV: 'production',
    HOST: host,
    PORT: String(port),
    SQL_DSN: '',
    DATABASE_CLIENT: 'sqlite',
    DATABASE_FILENAME: path.resolve(folder, 'demo.db'),
    MES_SQL_DSN: '',
    SERVE_ADMIN_PANEL: 'true',
  };
}
