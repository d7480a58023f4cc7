import type { Core } from '@strapi/strapi';

/** The part of knex's pool that this file uses. */
interface Pool {
  min: number;
  max: number;
}

/**
 * Makes the pool smaller if PostgreSQL allows fewer connections, and logs a warning. The history and other processes
 * keep half of the server's connections. If the server cannot be reached, the start of Strapi reports that.
 */
export async function limitPool({ db, log }: Pick<Core.Strapi, 'db' | 'log'>): Promise<void> {
  if (db.dialect.client !== 'postgres') return;
  const { pool } = db.connection.client as { readonly pool: Pool };
  const allowed = await readAllowed(db).catch(() => undefined);
  if (allowed === undefined || pool.max <= allowed) return;
  const max = Math.max(1, Math.floor(allowed / 2));
  log.warn(
    `The settings allow ${pool.max} connections to PostgreSQL, but the server allows ${allowed}. This process opens at ` +
      `most ${max}. Lower DATABASE_POOL_MAX or SQL_MAX_OPEN_CONNS, or raise max_connections of the server.`,
  );
  pool.min = Math.min(pool.min, max);
  pool.max = max;
}

async function readAllowed(db: Core.Strapi['db']): Promise<number> {
  const { rows } = (await db.connection.raw(
    `select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as allowed`,
  )) as { rows: readonly { allowed: number }[] };
  return Number(rows[0]?.allowed);
}
