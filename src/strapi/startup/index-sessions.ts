import type { Core } from '@strapi/strapi';

/**
 * Adds indexes to Strapi's sessions. Strapi searches for a session by these columns several times in each login and
 * each renewal. It declares no index, so each search would read the whole table.
 */
export function indexSessions(strapi: Core.Strapi): void {
  const indexes = ['session_id', 'user_id'].map((column) => ({
    name: `strapi_sessions_${column}_idx`,
    columns: [column],
  }));
  Object.assign(strapi.contentType('admin::session'), { indexes });
}
