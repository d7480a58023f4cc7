import type { Core } from '@strapi/strapi';

import { createPostgresLock } from '../stores/postgres-lock';
import type { ProcessLock } from '../stores/process-lock';
import { createSqliteLock } from '../stores/sqlite-lock';

/** The lock of this process in its database, not yet taken. */
export function createProcessLock(strapi: Core.Strapi): ProcessLock {
  const connection = strapi.config.get<Readonly<Record<string, unknown>>>('database.connection.connection');
  if (strapi.db.dialect.client === 'sqlite') {
    return createSqliteLock({ filename: String(connection['filename']), log: strapi.log });
  }
  const connectionString = strapi.config.get<string | undefined>('database.directUrl');
  return createPostgresLock({
    db: strapi.db,
    connection: connectionString === undefined ? connection : { ...connection, connectionString },
    log: strapi.log,
  });
}
