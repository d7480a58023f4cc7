import path from 'node:path';

import type { Variables } from '../env-file';

export interface DemoPlace {
  readonly host: string;
  readonly port: number;
  readonly folder: string;
}

/**
 * What Strapi is told beyond the settings, and against them: an address in them may be that of a database people work
 * with, and the demo brings accounts and characters of its own. The environment wins over `.env`, also by an empty value.
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
