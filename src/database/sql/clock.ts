import type { Core } from '@strapi/strapi';

type Database = Core.Strapi['db'];

/** A database whose kind is known. */
export interface WithDialect {
  readonly dialect: { readonly client: string };
}

/**
 * Returns SQL for the database's own time, in the form of Strapi's date columns.
 * PostgreSQL: the time in the zone of this process, because its driver writes dates so. SQLite: milliseconds since 1970.
 * Clocks of machines differ. Times that several processes compare with "now" therefore come from the database's clock.
 */
export function nowIn(db: Database): string {
  return isPostgres(db) ? postgresNow() : sqliteNow;
}

/** Returns SQL for the moment `ms` milliseconds ago. */
export function agoIn(db: Database, ms: number): string {
  const wholeMs = Math.round(ms);
  return isPostgres(db)
    ? `(${postgresNow()} - interval '${wholeMs} milliseconds')`
    : `(${sqliteNow} - ${wholeMs})`;
}

/** Returns SQL for the database's own time, in milliseconds since 1970. */
export function nowMsIn(db: WithDialect): string {
  return isPostgres(db) ? 'cast(extract(epoch from clock_timestamp()) * 1000 as bigint)' : sqliteNow;
}

/** The time zone of this process. The application sets it to UTC after this file is loaded. */
let timeZone: string | undefined;

function postgresNow(): string {
  timeZone ??= Intl.DateTimeFormat().resolvedOptions().timeZone;
  return `timezone('${timeZone}', now())`;
}

const sqliteNow = "cast(unixepoch('subsec') * 1000 as integer)";

function isPostgres(db: WithDialect): boolean {
  return db.dialect.client === 'postgres';
}
