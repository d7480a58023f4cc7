import type { Core } from '@strapi/strapi';

import { describeError } from '../../chat';

/** A connection of a driver. knex does not hand out a connection with this mark. */
interface NativeConnection {
  __knex__disposed?: unknown;
}

/**
 * Marks a connection that breaks during its preparation, so that the pool replaces it. Strapi prepares each new
 * connection and does not handle a failure. Many connections break in that moment while PostgreSQL restarts. Each one
 * would be an unhandled rejection, and end the process with all its live turns.
 */
export function surviveBrokenConnections(strapi: Core.Strapi): void {
  const { dialect } = strapi.db;
  const initialize = dialect.initialize.bind(dialect);
  dialect.initialize = async (connection: NativeConnection) => {
    try {
      await initialize(connection);
    } catch (error) {
      strapi.log.warn(`A new database connection broke immediately: ${describeError(error)}`);
      connection.__knex__disposed = error;
    }
  };
}
