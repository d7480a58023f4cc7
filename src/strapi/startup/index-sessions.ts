import type { Core } from '@strapi/strapi';

/**
 * Strapi looks for a session by these columns several times for each login and each renewal, and declares no index: each
 * time it reads the whole table.
 */
export function indexSessions(strapi: Core.Strapi): void {
  const indexes = ['session_id', 'user_id'].map((column) => ({
    name: `strapi_sessions_${column}_idx`,
    columns: [column],
  }));
  Object.assign(strapi.contentType('admin::session'), { indexes });
}
