import type { Core } from '@strapi/strapi';

import { describeError } from '../../chat';

/** What a driver's connection has once knex is not to hand it out (again). */
interface NativeConnection {
  __knex__disposed?: unknown;
}

/**
 * Strapi prepares each new database connection and never hears of it failing: a connection that breaks in that moment,
 * as many do while PostgreSQL restarts, would be an unhandled rejection and end the process with all its live turns.
 * Here such a connection is only marked, so that the pool throws it away and makes another.
 */
export function surviveBrokenConnections(strapi: Core.Strapi): void {
  const { dialect } = strapi.db;
  const initialize = dialect.initialize.bind(dialect);
  dialect.initialize = async (connection: NativeConnection) => {
    try {
      await initialize(connection);
    } catch (error) {
      strapi.log.warn(`A new database connection broke at once: ${describeError(error)}`);
      connection.__knex__disposed = error;
    }
  };
}
