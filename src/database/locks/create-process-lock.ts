import type { Core } from '@strapi/strapi';

import { createPostgresLock } from './postgres-lock';
import type { ProcessLock } from './process-lock';
import { createSqliteLock } from './sqlite-lock';
import { withHeartbeats, type Heartbeats } from './with-heartbeats';

/** Creates the lock of this process in its database. Does not take it. */
export function createProcessLock(strapi: Core.Strapi, heartbeats: Heartbeats | null): ProcessLock {
  const lock = createLock(strapi);
  return heartbeats === null ? lock : withHeartbeats(lock, heartbeats);
}

function createLock(strapi: Core.Strapi): ProcessLock {
  const connection = directConnectionOf(strapi);
  return strapi.db.dialect.client === 'sqlite'
    ? createSqliteLock({ filename: String(connection['filename']), log: strapi.log })
    : createPostgresLock({ db: strapi.db, connection, log: strapi.log });
}

/** Returns the driver's settings for a direct connection to the server, not through a pooler. */
export function directConnectionOf(strapi: Core.Strapi): Readonly<Record<string, unknown>> {
  const connection = strapi.config.get<Readonly<Record<string, unknown>>>('database.connection.connection');
  const connectionString = strapi.config.get<string | undefined>('database.directUrl');
  return connectionString === undefined ? connection : { ...connection, connectionString };
}
