import type { Core } from '@strapi/strapi';

import { directConnectionOf } from '../../database/locks/create-process-lock';
import type { PostgresDriver } from '../../database/locks/postgres-direct';
import { takeStartLock } from '../../database/locks/postgres-start-lock';

interface BeforeSync {
  register(handler: () => Promise<void>): unknown;
}

/**
 * On PostgreSQL, processes bring the tables up to date one after the other. SQLite is for one process.
 * @returns ends this process's turn.
 */
export function startInTurn(strapi: Core.Strapi): () => void {
  let release = () => {};
  const beforeSync = strapi.hook('strapi::content-types.beforeSync') as BeforeSync;
  beforeSync.register(async () => {
    if (strapi.db.dialect.client !== 'postgres') return;
    const { driver } = strapi.db.connection.client as { readonly driver: PostgresDriver };
    release = await takeStartLock({ driver, connection: directConnectionOf(strapi), log: strapi.log });
  });
  return () => release();
}
