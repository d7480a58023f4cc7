import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

/** One transaction, typed: what `run` does happens whole or not at all. Await everything in it. */
export async function inTransaction<T>(
  db: Core.Strapi['db'],
  run: (trx: Knex.Transaction) => Promise<T>,
): Promise<T> {
  return db.transaction(({ trx }) => run(trx as Knex.Transaction));
}
