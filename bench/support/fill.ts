import type { Knex } from 'knex';

import type { Application } from '../targets/strapi-process';
import type { DatabaseKind } from './database-kind';
import { toFillStatements, type Amounts } from './fill-sql';

/**
 * Fills the database of an application with SQL. It drops the indexes first and builds them again afterwards, which is
 * faster. Nothing else may use the database at that time.
 */
export async function fill(
  db: Knex,
  { application, kind, amounts }: { application: Application; kind: DatabaseKind; amounts: Amounts },
): Promise<void> {
  const statements = toFillStatements(application, kind, amounts);
  const tables = [...new Set(statements.map(({ table }) => table))];
  if (kind === 'sqlite') await hurrySqlite(db);
  else await db.raw('set session_replication_role = replica');

  const indexes = kind === 'sqlite' ? await sqliteIndexes(db, tables) : await postgresIndexes(db, tables);
  for (const { name } of indexes) await db.raw('drop index ??', [name]);
  for (const { sql } of statements) await db.raw(sql);
  for (const { definition } of indexes) await db.raw(definition);

  if (kind === 'sqlite') await db.raw('pragma journal_mode = wal');
  // PostgreSQL's autovacuum would do this within a minute.
  else for (const table of tables) await db.raw('vacuum analyze ??', [table]);
}

/** Makes SQLite fast and unsafe. If the machine crashes now, the next run fills a new database. */
async function hurrySqlite(db: Knex): Promise<void> {
  // A connection only notices the WAL mode, which it must leave, after its first read.
  await db('sqlite_master').first();
  for (const pragma of [
    'journal_mode = delete',
    'journal_mode = off',
    'synchronous = off',
    'foreign_keys = off',
    'cache_size = -500000',
  ]) {
    await db.raw(`pragma ${pragma}`);
  }
}

interface Index {
  readonly name: string;
  readonly definition: string;
}

async function sqliteIndexes(db: Knex, tables: readonly string[]): Promise<Index[]> {
  const rows: unknown = await db('sqlite_master')
    .select('name', 'sql as definition')
    .where({ type: 'index' })
    .whereNotNull('sql')
    .whereIn('tbl_name', tables);
  return rows as Index[];
}

/** Returns the indexes that belong to no constraint. */
async function postgresIndexes(db: Knex, tables: readonly string[]): Promise<Index[]> {
  const rows: unknown = await db('pg_indexes')
    .select('indexname as name', 'indexdef as definition')
    .where({ schemaname: 'public' })
    .whereIn('tablename', tables)
    .whereNotIn('indexname', db('pg_constraint').select('conname'));
  return rows as Index[];
}
