import type { Core } from '@strapi/strapi';

import type { PostgresDriver } from '../../database/locks/postgres-direct';
import { createPostgresLock } from '../../database/locks/postgres-lock';
import { takeStartLock } from '../../database/locks/postgres-start-lock';
import type { ProcessLock } from '../../database/locks/process-lock';
import { createSqliteLock } from '../../database/locks/sqlite-lock';

/** The lock of this process in its database, not yet taken. */
export function createProcessLock(strapi: Core.Strapi): ProcessLock {
  if (strapi.db.dialect.client === 'sqlite') {
    return createSqliteLock({ filename: String(connectionOf(strapi)['filename']), log: strapi.log });
  }
  return createPostgresLock({ db: strapi.db, connection: connectionOf(strapi), log: strapi.log });
}

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
    release = await takeStartLock({ driver, connection: connectionOf(strapi), log: strapi.log });
  });
  return () => release();
}

/** How the driver connects to the server itself. */
function connectionOf(strapi: Core.Strapi): Readonly<Record<string, unknown>> {
  const connection = strapi.config.get<Readonly<Record<string, unknown>>>('database.connection.connection');
  const connectionString = strapi.config.get<string | undefined>('database.directUrl');
  return connectionString === undefined ? connection : { ...connection, connectionString };
}
