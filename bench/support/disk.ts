import type { Knex } from 'knex';

import type { DatabaseKind } from './database-kind';

/** @returns the bytes of a table on disk with its indexes. On SQLite this reads the whole file. */
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
