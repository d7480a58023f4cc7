import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

/**
 * One transaction, typed: what `run` does happens whole or not at all. Await everything in it. Within another
 * transaction it is a part of that one, and committed with it.
 * @throws what `run` threw, or why it could not be committed.
 */
export async function inTransaction<T>(
  db: Core.Strapi['db'],
  run: (trx: Knex.Transaction) => Promise<T>,
): Promise<T> {
  if (db.inTransaction()) return db.transaction(({ trx }) => run(trx as Knex.Transaction));
  let committed: Promise<unknown> | undefined;
  const result = await db.transaction(({ trx }) => {
    committed = (trx as Knex.Transaction).executionPromise;
    return run(trx as Knex.Transaction);
  });
  // Strapi does not see a COMMIT fail: only this promise tells. Without it, rows that are nowhere would count as saved.
  await committed;
  return result;
}
