import type { Core } from '@strapi/strapi';

import { directConnectionOf } from '../../database/locks/create-process-lock';
import type { PostgresDriver } from '../../database/locks/postgres-direct';
import { takeStartLock } from '../../database/locks/postgres-start-lock';

interface BeforeSync {
  register(handler: () => Promise<void>): unknown;
}

/**
 * Lets processes on PostgreSQL update the tables one after the other. SQLite has only one process.
 * @returns a function that ends the turn of this process.
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
