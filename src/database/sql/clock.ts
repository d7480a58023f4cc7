import type { Core } from '@strapi/strapi';

type Database = Core.Strapi['db'];

/**
 * The database's own time as SQL, for columns of Strapi's: UTC without a time zone on PostgreSQL, milliseconds on SQLite.
 * Clocks of machines differ, so a time that another process compares with its own "now" is written by this one.
 */
export function nowIn(db: Database): string {
  return isPostgres(db) ? "timezone('UTC', now())" : sqliteNow;
}

/** @returns SQL for the moment `ms` milliseconds ago. */
export function agoIn(db: Database, ms: number): string {
  const wholeMs = Math.round(ms);
  return isPostgres(db)
    ? `(timezone('UTC', now()) - interval '${wholeMs} milliseconds')`
    : `(${sqliteNow} - ${wholeMs})`;
}

const sqliteNow = "cast(unixepoch('subsec') * 1000 as integer)";

function isPostgres(db: Database): boolean {
  return db.dialect.client === 'postgres';
}
