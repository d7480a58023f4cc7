import type { Knex } from 'knex';

import type { DatabaseKind } from './database-kind';

/** @returns what a table takes on disk with its indexes, in bytes. On SQLite it reads the whole file for that. */
export async function bytesOfTable(db: Knex, kind: DatabaseKind, table: string): Promise<number> {
  if (kind === 'postgres') {
    const { rows } = await db.raw<{ rows: { bytes: string }[] }>(
      'select pg_total_relation_size(?::regclass) as bytes',
      [table],
    );
    return Number(rows[0]?.bytes);
  }
  const parts = db('sqlite_master').select('name').where({ tbl_name: table });
  const [row] = (await db('dbstat').sum({ bytes: 'pgsize' }).whereIn('name', parts)) as { bytes: number }[];
  return Number(row?.bytes);
}
