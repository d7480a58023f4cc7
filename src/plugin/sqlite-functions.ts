import type { Core } from '@strapi/strapi';

import { addOwnFunctions, type SqliteConnection } from '../database/reader/sqlite-functions';

/** Adds our SQL functions to each connection of a SQLite host. Its own `lower` stays as it is. */
export function addFunctionsToSqlite(strapi: Core.Strapi): void {
  const { dialect } = strapi.db;
  if (dialect.client !== 'sqlite') return;
  const initialize = dialect.initialize.bind(dialect);
  dialect.initialize = async (connection: SqliteConnection) => {
    await initialize(connection);
    addOwnFunctions(connection);
  };
}
